import math

import pytest
import torch

from distillery.heads import Regression
from distillery.losses.regression import BETA, MIDDLE, expected_value_loss, smooth_l1

PLACE = Regression(kind="regression", outputs=("x", "y"), range=(-1, 3))
YEARS = Regression(kind="regression", outputs=("years",), range=(0, 100), bins=5)
BOTH = Regression(kind="regression", outputs=("x", "y"), range=(-1, 3), bins=4)


def test_smooth_l1_by_hand():
    head = Regression(kind="regression", outputs=("x",), range=(0, 10))
    near, far = (smooth_l1(head, torch.tensor([[0.5]]), torch.tensor([[y]])).item() for y in (5.2, 2.0))
    assert near == pytest.approx(0.5 * 0.02**2 / BETA / MIDDLE, rel=1e-4)
    assert far == pytest.approx((0.3 - 0.5 * BETA) / MIDDLE, rel=1e-4)


def test_smooth_l1_is_the_naive_formula():
    logits, labels = torch.randn(9, 2), torch.rand(9, 2) * 4 - 1
    found = smooth_l1(PLACE, logits, labels)
    for row in range(9):
        each = []
        for z, y in zip(logits[row].tolist(), labels[row].tolist(), strict=True):
            x = abs(z - (y + 1) / 4) / BETA
            each.append(0.5 * x * x if x < 1 else x - 0.5)
        assert found[row].item() == pytest.approx(sum(each) / 2 * BETA / MIDDLE, rel=1e-4, abs=1e-6)


def test_smooth_l1_is_zero_where_right_and_needs_no_unit():
    wide = Regression(kind="regression", outputs=("x", "y"), range=(-100, 300))
    logits, labels = torch.randn(9, 2), torch.rand(9, 2) * 4 - 1
    assert torch.allclose(smooth_l1(PLACE, logits, labels), smooth_l1(wide, logits, labels * 100), rtol=1e-3, atol=1e-4)
    assert smooth_l1(PLACE, (labels + 1) / 4, labels).max().item() == pytest.approx(0, abs=1e-6)


def test_expected_value_by_hand_for_a_uniform_prediction():
    # cross-entropy to a uniform prediction is log 5 whatever the label; its expectation is bin 2, the label's 0.
    found = expected_value_loss(YEARS, torch.zeros(1, 5), torch.tensor([[0.0]]))
    assert found.item() == pytest.approx(1 + 2 / 1, rel=1e-5)
    assert expected_value_loss(YEARS, torch.zeros(1, 5), torch.tensor([[50.0]])).item() == pytest.approx(1, rel=1e-5)


def _naive(logits: list[float], unit: float) -> float:
    bins = len(logits)
    powers = [math.exp(z) for z in logits]
    p = [e / sum(powers) for e in powers]
    place = unit * (bins - 1)
    bell = [math.exp(-((k - place) ** 2) / 2) for k in range(bins)]
    wanted = [b / sum(bell) for b in bell]
    entropy = -sum(w * math.log(q) for w, q in zip(wanted, p, strict=True)) / math.log(bins)
    return entropy + abs(sum(k * q for k, q in enumerate(p)) - place) / ((bins - 1) / 4)


def test_expected_value_is_the_naive_formula_over_several_outputs():
    logits, labels = torch.randn(6, 8), torch.rand(6, 2) * 4 - 1
    found = expected_value_loss(BOTH, logits, labels)
    for row in range(6):
        units = [(y + 1) / 4 for y in labels[row].tolist()]
        parts = [_naive(logits[row, :4].tolist(), units[0]), _naive(logits[row, 4:].tolist(), units[1])]
        assert found[row].item() == pytest.approx(sum(parts) / 2, rel=1e-4)


def test_expected_value_is_least_at_the_labels_own_distribution():
    label = torch.tensor([[37.0]])
    own = -(torch.arange(5.0) - 0.37 * 4).square()[None] / 2
    least = expected_value_loss(YEARS, own, label)
    generator = torch.Generator().manual_seed(0)
    assert all(
        expected_value_loss(YEARS, own + torch.randn(1, 5, generator=generator), label) > least for _ in range(20)
    )


def test_expected_value_is_the_same_from_either_end_and_for_moved_logits():
    logits, labels = torch.randn(6, 5), torch.rand(6, 1) * 100
    plain = expected_value_loss(YEARS, logits, labels)
    assert torch.allclose(plain, expected_value_loss(YEARS, logits.flip(1), 100 - labels), atol=1e-4)
    assert torch.allclose(plain, expected_value_loss(YEARS, logits + 20, labels), atol=1e-4)
