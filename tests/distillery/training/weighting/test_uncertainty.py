import math

import pytest
import torch
from torch import Tensor

from distillery.heads import Heads
from distillery.training.weighting.uncertainty import Uncertainty


def test_by_hand(heads: Heads, present: Tensor):
    """d/ds (exp(-s) L + s / 2) = 1/2 - exp(-s) L, with half the first term for a regression."""
    weighting = Uncertainty(heads)
    with torch.no_grad():
        weighting.log_variance.copy_(torch.tensor([0.0, math.log(2), math.log(4)]))
    losses = torch.tensor([1.0, 3.0, 8.0])
    weights = weighting.backward(losses, present, torch.zeros(1, 1), torch.zeros(()))
    weighting.finish(losses, present)
    assert weights.tolist() == pytest.approx([1, 0.5, 0.125])
    assert weighting.log_variance.grad.tolist() == pytest.approx([0.5 - 1, 0.5 - 1.5, 0.5 - 1])


def test_the_minimum_is_where_the_variance_is_twice_the_loss(heads: Heads, present: Tensor):
    weighting, losses = Uncertainty(heads), torch.tensor([0.2, 1.0, 3.0])
    descent = torch.optim.SGD(weighting.joint, lr=0.5)
    for _ in range(200):
        descent.zero_grad()
        weighting.backward(losses, present, torch.zeros(1, 1), torch.zeros(()))
        weighting.finish(losses, present)
        descent.step()
    assert weighting.log_variance.exp().tolist() == pytest.approx([0.4, 2.0, 3.0], rel=1e-3)


def test_the_uncertainty_of_an_absent_head_stays(heads: Heads):
    weighting, there = Uncertainty(heads), torch.tensor([True, False, True])
    weighting.backward(torch.ones(3), there, torch.zeros(1, 1), torch.zeros(()))
    weighting.finish(torch.ones(3), there)
    assert weighting.log_variance.grad[1] == 0
