import math

import pytest
import torch
from torchmetrics.functional.regression import concordance_corrcoef

from distillery.metrics.regression import score_numbers

LABELS = torch.rand(30, 2, generator=torch.Generator().manual_seed(0)) * 10
VALUES = LABELS + torch.randn(30, 2, generator=torch.Generator().manual_seed(1)) * 3 + 1


def _ccc(values: torch.Tensor, labels: torch.Tensor) -> float:
    return score_numbers(values, labels, ("x",))["ccc"]


def test_each_output_against_naive_formulas_and_torchmetrics():
    found = score_numbers(VALUES, LABELS, ("x", "y"))
    for index, name in enumerate(("x", "y")):
        v, y = VALUES[:, index].tolist(), LABELS[:, index].tolist()
        mv, my = sum(v) / 30, sum(y) / 30
        both = sum((a - mv) * (b - my) for a, b in zip(v, y, strict=True)) / 29
        apart = sum((a - mv) ** 2 for a in v) / 29 + sum((b - my) ** 2 for b in y) / 29 + (mv - my) ** 2
        assert found[f"ccc_{name}"] == pytest.approx(2 * both / apart, rel=1e-6)
        reference = concordance_corrcoef(VALUES[:, index].double(), LABELS[:, index].double())
        assert found[f"ccc_{name}"] == pytest.approx(float(reference), rel=1e-9)
        assert found[f"mae_{name}"] == pytest.approx(sum(abs(a - b) for a, b in zip(v, y, strict=True)) / 30, rel=1e-5)
    assert found["ccc"] == pytest.approx((found["ccc_x"] + found["ccc_y"]) / 2)
    assert found["mae"] == pytest.approx((found["mae_x"] + found["mae_y"]) / 2)


def test_one_output_is_not_listed_twice():
    assert set(score_numbers(VALUES[:, :1], LABELS[:, :1], ("x",))) == {"mae", "ccc"}


def test_the_limits_of_concordance():
    labels = LABELS[:, :1]
    assert _ccc(labels, labels) == pytest.approx(1)
    assert _ccc(labels.mean() * 2 - labels, labels) == pytest.approx(-1)
    assert _ccc(torch.full_like(labels, 5.0), labels) == 0
    assert _ccc(labels, torch.full_like(labels, 5.0)) == 0
    assert math.isnan(_ccc(torch.full_like(labels, 5.0), torch.full_like(labels, 5.0)))


def test_concordance_falls_with_an_offset_where_correlation_would_not():
    labels = LABELS[:, :1]
    assert 1 > _ccc(labels + 1, labels) > _ccc(labels + 5, labels) > 0


def test_concordance_needs_no_unit_and_no_side():
    values, labels = VALUES[:, :1], LABELS[:, :1]
    assert _ccc(values * 7 - 3, labels * 7 - 3) == pytest.approx(_ccc(values, labels), rel=1e-4)
    assert _ccc(labels, values) == pytest.approx(_ccc(values, labels))


def test_small_differences_on_a_large_offset_are_not_lost():
    labels = torch.tensor([[10000.0], [10000.5], [10001.0]])
    assert _ccc(labels, labels) == pytest.approx(1)
