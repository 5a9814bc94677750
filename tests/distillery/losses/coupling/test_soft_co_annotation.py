import math

import pytest
import torch

from distillery.losses.coupling.expert import expert
from distillery.losses.coupling.soft_co_annotation import soft_classes

RELATED = torch.tensor([[0.0, 0, 0], [1, 0.5, 0], [0, 0.5, 1]])


def test_by_hand():
    """Marks (1, 0, 0): fits 0 (something is on), 1 / 1.5 and 0."""
    found, weights = soft_classes(torch.tensor([[1.0, 0, 0]]), torch.ones(1, 3), RELATED, temperature=0.5)
    parts = [math.exp(fit / 0.5) for fit in (0, 1 / 1.5, 0)]
    assert found[0].tolist() == pytest.approx([part / sum(parts) for part in parts])
    assert weights.tolist() == [1]


def test_the_formula_written_naively_on_soft_labels():
    marks = torch.rand(6, 3, generator=torch.Generator().manual_seed(0))
    found, _ = soft_classes(marks, torch.ones(6, 3), RELATED, temperature=0.3)
    for row, y in zip(found, marks.tolist(), strict=True):
        fits = [(1 - y[0]) * (1 - y[1]) * (1 - y[2])]
        fits += [sum(r * m for r, m in zip(rs, y, strict=True)) / sum(rs) for rs in RELATED[1:].tolist()]
        parts = [math.exp(fit / 0.3) for fit in fits]
        assert row.tolist() == pytest.approx([part / sum(parts) for part in parts], rel=1e-5)


def test_at_temperature_one_a_perfect_match_of_seven_classes_reaches_less_than_a_third():
    """METHODS: the reason why the temperature is a parameter."""
    classes = ("neutral", "happy", "sad", "fearful", "angry", "surprised", "disgusted")
    units = tuple(f"AU{number}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 17, 20, 23, 24, 25, 26))
    related = expert(classes, units)
    match = (related[1:2] > 0).float()
    assert soft_classes(match, torch.ones(1, 17), related, temperature=1)[0][0, 1] < 0.32
    assert soft_classes(match, torch.ones(1, 17), related, temperature=0.1)[0][0, 1] > 0.95


def test_nothing_on_is_the_class_without_elements():
    found, _ = soft_classes(torch.zeros(1, 3), torch.ones(1, 3), RELATED, temperature=0.05)
    assert found[0].argmax() == 0


def test_an_image_counts_by_the_least_known_of_the_related_elements():
    related = torch.tensor([[1.0, 1, 0]])
    known = torch.tensor([[1.0, 0.4, 0], [1, 0, 1], [1, 1, 0]])
    assert soft_classes(torch.ones(3, 3), known, related, temperature=1)[1].tolist() == pytest.approx([0.4, 0, 1])
