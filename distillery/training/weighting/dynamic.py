"""Dynamic weights: a unit on the shared features that moves weight to the head that is behind (DYN)."""

from collections.abc import Callable

import torch
from torch import Tensor

from distillery.heads import LearntHeads
from distillery.training.weighting.unit import WeightUnit
from distillery.training.weighting.weighting import Weighting

LEARNING_RATE = 0.1  # of the unit (METHODS, DYN, read in the authors' code)
FLOOR = 0.01  # what L4 adds to a loss
Objective = Callable[[Tensor, Tensor], Tensor]


def weight_loss(weights: Tensor, losses: Tensor) -> Tensor:
    """``L4 = sum_i w_i / (L_i + 0.01)``: small where the weight lies on large losses (METHODS, DYN). A scalar.

    Its gradient in the unit's logits is ``w_1 w_2 (1/L_1 - 1/L_2)`` for two heads: descent moves weight to the larger
    loss, and the more so the smaller both are.
    """
    return (weights / (losses + FLOOR)).sum()


class Dynamic(Weighting):
    """Weights by a ``WeightUnit`` with a loss of its own, which is stepped in every iteration.

    The network descends ``L3 = sum_i w_i L_i`` and never sees the unit; the unit descends ``objective`` and never the
    network. Ours differs: losses are in units, or "hard" would mean "many classes"; weights are times the number of
    heads that are there, so that they average 1 as equal ones do, against clipping and couplings; and the unit descends
    by its plain gradient. The authors' RMSProp makes every gradient, however small, a step of the same size: the
    weights were one-hot after tens of steps (docs/LOG.md).
    """

    def __init__(self, heads: LearntHeads, *, features: int, objective: Objective = weight_loss) -> None:
        super().__init__(heads)
        self.unit = WeightUnit(features, len(heads))
        self.optimiser = torch.optim.SGD(self.unit.parameters(), lr=LEARNING_RATE)
        self._objective = objective
        self._seen: list[Tensor] = []

    @torch.no_grad()
    def weigh(self, present: Tensor, features: Tensor) -> Tensor:
        self._seen.append(features.detach())
        return self.unit(features, present) * present.sum()

    def finish(self, losses: Tensor, present: Tensor) -> None:
        assert self.optimiser is not None
        weights = self.unit(torch.cat(self._seen), present)
        self._seen.clear()
        self.optimiser.zero_grad(set_to_none=True)
        self._objective(weights, losses).backward()
        self.optimiser.step()
