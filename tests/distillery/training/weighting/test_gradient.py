import sys

import pytest
import torch
from torch import Tensor, nn

from distillery.errors import DistilleryError
from distillery.heads import Heads
from distillery.training.weighting import gradient
from distillery.training.weighting.gradient import Gradient


def _aggregate(aggregation: str, heads: Heads, rows: list[list[float]], present: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of shared parameters whose gradients by head are ``rows``, and the weights."""
    shared = nn.Parameter(torch.zeros(1, 2))
    layers = [nn.Parameter(torch.tensor(row)) for row in rows]
    features = shared * 1.0
    losses = torch.stack([(features * layer).sum() for layer in layers])
    weighting = Gradient(heads, shared=[shared], aggregation=aggregation)
    weights = weighting.backward(losses, present, features, torch.zeros(()))
    return shared.grad[0], weights


@pytest.mark.parametrize("aggregation", ["upgrad", "pcgrad", "mgda", "cagrad", "nash_mtl"])
def test_the_aggregate_of_conflicting_gradients_harms_no_head(aggregation: str, heads: Heads, present: Tensor):
    rows = [[1.0, 0.2], [-0.6, 1.0], [0.1, 0.9]]
    found, _ = _aggregate(aggregation, heads, rows, present)
    # PCGrad projects one after another, and so may leave a little of a conflict; CAGrad stays near the mean.
    assert min(float(found @ torch.tensor(row)) for row in rows) > (-0.2 if aggregation == "pcgrad" else -1e-4)


def test_mgda_by_hand(heads: Heads):
    """The point of least norm between (1, 0) and (0, 2): weights (4/5, 1/5)."""
    found, weights = _aggregate("mgda", heads, [[1.0, 0.0], [5.0, 5.0], [0.0, 2.0]], torch.tensor([True, False, True]))
    assert weights.tolist() == pytest.approx([0.8, 0, 0.2], abs=0.02)
    assert found.tolist() == pytest.approx([0.8, 0.4], abs=0.02)


def test_gradients_without_conflict_are_averaged_by_upgrad(heads: Heads, present: Tensor):
    found, weights = _aggregate("upgrad", heads, [[3.0, 0.0], [0.0, 3.0], [3.0, 3.0]], present)
    assert weights.tolist() == pytest.approx([1 / 3] * 3, abs=1e-3)
    assert found.tolist() == pytest.approx([2, 2], abs=1e-2)


def test_the_gradient_of_couplings_is_added(heads: Heads, present: Tensor):
    shared = nn.Parameter(torch.zeros(1, 2))
    features = shared * 1.0
    losses = torch.stack([(features * nn.Parameter(torch.ones(2))).sum() for _ in range(3)])
    Gradient(heads, shared=[shared], aggregation="upgrad").backward(losses, present, features, 5 * features[0, 0])
    assert shared.grad[0].tolist() == pytest.approx([6, 1], abs=1e-3)


def test_a_missing_package_is_named(heads: Heads, monkeypatch: pytest.MonkeyPatch):
    gradient._aggregator.cache_clear()
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(DistilleryError, match=r"upgrad needs .* pip install 'distillery\[gradient\]'"):
        Gradient(heads, shared=[], aggregation="upgrad")
    gradient._aggregator.cache_clear()
