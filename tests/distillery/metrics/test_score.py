import math

import pytest
import torch

from distillery.heads import Heads
from distillery.metrics.names import PRIMARY, higher_is_better
from distillery.metrics.score import score


def _cells(heads: Heads, name: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    if name == "mood":
        values, labels = torch.rand(20, 3, generator=generator), torch.eye(3)[torch.arange(20) % 3]
    elif name == "units":
        values, labels = torch.rand(20, 3, generator=generator), torch.rand(20, 3, generator=generator).round()
    else:
        width = len(heads[name].outputs)
        values, labels = torch.rand(20, width, generator=generator), torch.rand(20, width, generator=generator)
    present = torch.ones(20, 3) if name == "units" else torch.ones(20)
    return values, labels, present


@pytest.mark.parametrize("name", ["mood", "units", "years", "place"])
def test_only_labelled_cells_are_scored(heads: Heads, name: str):
    values, labels, present = _cells(heads, name)
    present[12:] = 0
    found = score(heads[name], values, labels, present)
    assert found == pytest.approx(score(heads[name], values[:12], labels[:12], present[:12]), rel=1e-5)
    assert found != score(heads[name], values, labels, torch.ones_like(present))
    assert PRIMARY[heads[name].kind] in found


@pytest.mark.parametrize("name", ["mood", "units", "years", "place"])
def test_a_choice_of_images_is_scored_as_if_it_were_all(heads: Heads, name: str):
    values, labels, present = _cells(heads, name)
    present[3:5] = 0
    drawn = torch.tensor([19, 0, 0, 7, 2, 4, 11, 13, 9, 18, 10, 1, 15])
    found = score(heads[name], values, labels, present, drawn)
    assert found == pytest.approx(score(heads[name], values[drawn], labels[drawn], present[drawn]), rel=1e-5)


def test_a_choice_that_lost_a_class_has_no_mean_over_classes(heads: Heads):
    """Else a classifier of one answer would be right about all classes that are left."""
    labels, present = torch.eye(3)[torch.arange(20) % 3], torch.ones(20)
    always_the_first = torch.eye(3)[torch.zeros(20, dtype=torch.long)]
    drawn = torch.tensor([0, 3, 6, 1, 1])
    found = score(heads["mood"], always_the_first, labels, present, drawn)
    assert found.pop("accuracy") == pytest.approx(0.6)
    assert set(found) == {"balanced_accuracy", "f1_macro"}
    assert all(math.isnan(value) for value in found.values())


def test_a_choice_among_classes_of_which_one_never_occurs_has_the_means_of_those_that_do(heads: Heads):
    labels, present = torch.eye(3)[torch.arange(20) % 2], torch.ones(20)
    values = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    for drawn, lost in ((torch.arange(6), False), (torch.arange(0, 20, 2), True)):
        found = score(heads["mood"], values, labels, present, drawn)
        assert {name for name, value in found.items() if math.isnan(value)} == (
            set(found) - {"accuracy"} if lost else set()
        )
        assert set(found) == {"accuracy", "balanced_accuracy", "f1_macro", "balanced_accuracy_among"}


def test_a_choice_that_lost_an_element_has_neither_its_f1_nor_the_mean(heads: Heads):
    values = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.ones(20, 3)
    labels[:10, 1] = 0
    first, *others = (f"f1_{name}" for name in heads["units"].elements)
    found = score(heads["units"], values, labels, torch.ones(20, 3), torch.arange(10))
    assert {name for name, value in found.items() if math.isnan(value)} == {others[0], "f1_macro"}
    assert found[first] == score(heads["units"], values[:10], labels[:10], torch.ones(10, 3))[first]


@pytest.mark.parametrize(
    ("metric", "higher"), [("ccc", True), ("f1_macro", True), ("mae", False), ("mae_valence", False)]
)
def test_only_errors_are_better_small(metric: str, higher: bool):
    assert higher_is_better(metric) == higher
