import math

import pytest
import torch

from distillery.losses.classification import soft_cross_entropy

LOGITS = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.rand(7, 4, generator=torch.Generator().manual_seed(1)).softmax(dim=1)


def test_a_value_by_hand():
    logits, labels = torch.tensor([[math.log(3), 0.0]]), torch.tensor([[1.0, 0.0]])  # p = 3/4, 1/4
    assert soft_cross_entropy(logits, labels, smoothing=0.0).item() == pytest.approx(math.log(4 / 3))
    smoothed = -(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4))
    assert soft_cross_entropy(logits, labels, smoothing=0.2).item() == pytest.approx(smoothed)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_is_the_naive_formula(smoothing: float):
    found = soft_cross_entropy(LOGITS, LABELS, smoothing=smoothing)
    for row in range(7):
        powers = [math.exp(value) for value in LOGITS[row].tolist()]
        wanted = [(1 - smoothing) * y + smoothing / 4 for y in LABELS[row].tolist()]
        naive = -sum(y * math.log(e / sum(powers)) for y, e in zip(wanted, powers, strict=True))
        assert found[row].item() == pytest.approx(naive, rel=1e-5)


def test_what_an_image_is_not_is_the_formula_of_ups_without_smoothing():
    negative = torch.tensor([[-1.0, 0, -1, 0]] * 3 + [[0.0, -1, 0, 0]] * 4)
    found = soft_cross_entropy(LOGITS, negative, smoothing=0.1)
    for row in range(7):
        powers = [math.exp(value) for value in LOGITS[row].tolist()]
        unlike = [place for place, mark in enumerate(negative[row].tolist()) if mark]
        naive = -sum(math.log(1 - powers[place] / sum(powers)) for place in unlike) / len(unlike)
        assert found[row].item() == pytest.approx(naive, rel=1e-4)
    both = torch.cat([negative[:1], LABELS[1:]])
    assert torch.equal(
        soft_cross_entropy(LOGITS, both, smoothing=0.1)[1:], soft_cross_entropy(LOGITS, LABELS, smoothing=0.1)[1:]
    )


def test_a_network_that_is_sure_of_what_an_image_is_not_still_has_a_gradient():
    for sure in (5.0, 60.0, 1e4):
        logits = torch.tensor([[sure, 0.0], [sure, 0.0]], requires_grad=True)
        soft_cross_entropy(logits, torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), smoothing=0.1).sum().backward()
        assert logits.grad.isfinite().all()


def test_sure_and_right_costs_nothing_and_sure_and_wrong_its_margin():
    logits = torch.tensor([[50.0, 0.0]])
    assert soft_cross_entropy(logits, torch.tensor([[1.0, 0.0]]), smoothing=0.0).item() == pytest.approx(0, abs=1e-6)
    assert soft_cross_entropy(logits, torch.tensor([[0.0, 1.0]]), smoothing=0.0).item() == pytest.approx(50)


def test_a_constant_added_to_the_logits_changes_nothing():
    plain, moved = (soft_cross_entropy(LOGITS + c, LABELS, smoothing=0.1) for c in (0.0, 30.0))
    assert torch.allclose(plain, moved, atol=1e-4)


def test_the_teachers_own_logits_are_the_minimum():
    own = soft_cross_entropy(LABELS.log(), LABELS, smoothing=0.0)
    assert (own < soft_cross_entropy(LABELS.log() + 0.1 * LOGITS, LABELS, smoothing=0.0)).all()
