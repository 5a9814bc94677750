"""Losses of numbers: direct, or as the expectation of a distribution over bins."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from distillery.heads import Regression

BETA = 0.05  # where the direct loss turns from square to linear, as a share of the range
MIDDLE = 0.25  # the mean error of always saying the middle of the range, as a share of it


def smooth_l1(head: Regression, logits: Tensor, labels: Tensor) -> Tensor:
    """Smooth L1 (Girshick, ICCV 2015) where the head's range is 0..1, mean over the outputs: float [batch].

    Ours differs: divided by what the middle of the range costs on average, so that heads weigh about alike.
    """
    return F.smooth_l1_loss(logits, to_unit(head, labels), beta=BETA, reduction="none").mean(dim=1) / MIDDLE


def expected_value_loss(head: Regression, logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy to the label's distribution over bins plus the error of the expectation: float [batch].

    Source: DLDL-v2 (Gao et al., IJCAI 2018), equations 6 and 7. Ours differs: the label's distribution is a normal one
    whose standard deviation is one bin, and each term is divided by what a uniform prediction costs (the logarithm of
    the bins; a quarter of the range), so that the head weighs about as much as a classification head does.
    """
    assert head.bins is not None
    logs = logits.unflatten(1, (len(head.outputs), head.bins)).log_softmax(dim=2)
    position = to_unit(head, labels) * (head.bins - 1)
    steps = torch.arange(head.bins, dtype=logits.dtype, device=logits.device)
    wanted = (-(steps - position.unsqueeze(2)).square() / 2).softmax(dim=2)
    entropy = -(wanted * logs).sum(dim=2)
    error = (logs.exp() @ steps - position).abs()
    return (entropy / math.log(head.bins) + error / (MIDDLE * (head.bins - 1))).mean(dim=1)


def unit_values(head: Regression, logits: Tensor) -> Tensor:
    """What the logits say, from 0 to 1 over the head's range: float [batch, outputs]."""
    if head.bins is None:
        return logits
    steps = torch.linspace(0, 1, head.bins, dtype=logits.dtype, device=logits.device)
    return logits.unflatten(1, (len(head.outputs), head.bins)).softmax(dim=2) @ steps


def to_unit(head: Regression, labels: Tensor) -> Tensor:
    """Numbers of the head's range as 0 to 1 of it."""
    low, high = head.range
    return (labels - low) / (high - low)
