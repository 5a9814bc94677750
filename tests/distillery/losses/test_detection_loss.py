import math

import pytest
import torch

from distillery.losses.detection import binary_cross_entropy

LOGITS = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.rand(5, 3, generator=torch.Generator().manual_seed(1))


def test_a_value_by_hand():
    found = binary_cross_entropy(torch.tensor([[math.log(3), 0.0]]), torch.tensor([[1.0, 0.3]]))
    assert found[0].tolist() == pytest.approx([math.log(4 / 3), math.log(2)])


def test_it_is_the_naive_formula_for_each_element():
    found = binary_cross_entropy(LOGITS, LABELS)
    assert found.shape == (5, 3)
    for z, y, loss in zip(LOGITS.flatten().tolist(), LABELS.flatten().tolist(), found.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        assert loss == pytest.approx(-(y * math.log(p) + (1 - y) * math.log(1 - p)), rel=1e-4)


def test_the_limits_are_finite():
    found = binary_cross_entropy(torch.tensor([[200.0, 200.0]]), torch.tensor([[1.0, 0.0]]))
    assert found[0].tolist() == [0, 200]


def test_yes_and_no_may_be_exchanged():
    assert torch.allclose(binary_cross_entropy(LOGITS, LABELS), binary_cross_entropy(-LOGITS, 1 - LABELS), atol=1e-6)
