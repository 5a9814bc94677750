"""Naive dynamic weights: the same unit trained by the total loss, the baseline of DYN."""

from torch import Tensor

from distillery.heads import LearntHeads
from distillery.training.weighting.dynamic import Dynamic


def total_loss(weights: Tensor, losses: Tensor) -> Tensor:
    """``L3 = sum_i w_i L_i``, a scalar: descent moves weight to the smaller loss, ``w_1 w_2 (L_1 - L_2)``."""
    return (weights * losses).sum()


class NaiveDynamic(Dynamic):
    """Weights that flow to the easy head (METHODS, DYN)."""

    def __init__(self, heads: LearntHeads, *, features: int) -> None:
        super().__init__(heads, features=features, objective=total_loss)
