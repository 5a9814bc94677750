import math

import pytest
import torch
from torch import Tensor

from distillery.losses.coupling.distribution_matching import EPSILON, distribution_matching

RELATED = torch.tensor([[1.0, 0.5, 0], [0, 1, 0]])  # nothing is related to the last element


def _logits(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    classes, elements = torch.randn(4, 2, generator=generator), torch.randn(4, 3, generator=generator)
    return classes.requires_grad_(), elements.requires_grad_()


@pytest.mark.parametrize("form", ["one_sided", "bernoulli"])
def test_the_formula_written_naively(form: str):
    classes, elements = _logits()
    found = distribution_matching(classes, elements, RELATED, form=form, constant="none")
    for value, a, b in zip(found.tolist(), classes.tolist(), elements.tolist(), strict=True):
        p = [math.exp(x) / sum(map(math.exp, a)) for x in a]
        q = [p[0], 0.5 * p[0] + p[1]]
        marks = [1 / (1 + math.exp(-x)) for x in b]
        wanted = -sum(m * math.log(f) for m, f in zip(marks, q, strict=False))
        if form == "bernoulli":
            wanted -= sum((1 - m) * math.log(1 - f) for m, f in zip(marks, q, strict=False))
        assert value == pytest.approx(wanted, rel=1e-4)


def test_by_hand():
    """Both classes alike: q = (1/2, 3/4); both elements undecided."""
    found = distribution_matching(torch.zeros(1, 2), torch.zeros(1, 3), RELATED, form="bernoulli", constant="none")
    wanted = -(0.5 * math.log(0.5) + 0.5 * math.log(0.5) + 0.5 * math.log(0.75) + 0.5 * math.log(0.25))
    assert float(found) == pytest.approx(wanted)


def test_one_sided_is_nothing_where_no_element_is_predicted_and_bernoulli_is_not():
    classes, elements = torch.tensor([[9.0, 0]]), torch.full((1, 3), -60.0)
    assert distribution_matching(classes, elements, RELATED, form="one_sided", constant="none") < 1e-20
    assert distribution_matching(classes, elements, RELATED, form="bernoulli", constant="none") > 5


def test_bernoulli_is_least_where_both_agree():
    """Of all predictions of the elements for given classes: cross-entropy is least at the foretold distribution."""
    classes = torch.tensor([[0.3, -0.4]])
    foretold = (classes.softmax(dim=1) @ RELATED)[:, :2]
    fixed = torch.cat([foretold.logit(), torch.zeros(1, 1)], dim=1)
    entropy = -(foretold * foretold.log() + (1 - foretold) * (1 - foretold).log()).sum()
    found = distribution_matching(classes, fixed, RELATED, form="bernoulli", constant="none")
    assert float(found) == pytest.approx(float(entropy), rel=1e-5)


@pytest.mark.parametrize(
    ("constant", "moving"), [("none", (True, True)), ("classes", (False, True)), ("elements", (True, False))]
)
def test_the_constant_side_gets_no_gradient(constant: str, moving: tuple[bool, bool]):
    sides = _logits()
    distribution_matching(*sides, RELATED, form="bernoulli", constant=constant).sum().backward()
    assert tuple(side.grad is not None for side in sides) == moving


def test_an_element_that_nothing_is_related_to_is_left_out():
    classes, elements = _logits()
    distribution_matching(classes, elements, RELATED, form="bernoulli", constant="none").sum().backward()
    assert elements.grad[:, 2].abs().max() == 0
    assert elements.grad[:, :2].abs().min() > 0


def test_certain_classes_leave_it_finite():
    classes, elements = torch.tensor([[200.0, -200]]), torch.tensor([[80.0, -80, 0]])
    found = distribution_matching(classes, elements, RELATED, form="bernoulli", constant="none")
    assert 0 <= float(found) < -2 * math.log(EPSILON)
