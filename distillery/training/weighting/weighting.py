"""How the losses of the heads become one descent of the network; what every way of weighting them has in common."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from distillery.heads import LearntHeads
from distillery.losses.scale import loss_scale


class Weighting(nn.Module):
    """Weights by head and, where they are learnt, all that learning them changes.

    A step calls ``backward`` for each part of its batch and then ``finish`` once. Losses are in units of what no
    knowledge costs (``loss_scale``), or a head with many classes would count as a hard one. A head that no image of the
    batch labels is neither weighted nor counted.

    Attributes:
        units: float [heads], what each head's loss is divided by.
        joint: parameters that the network's optimiser trains along.
        optimiser: of the weighting's own parameters.
    """

    units: Tensor
    joint: Sequence[nn.Parameter] = ()
    optimiser: torch.optim.Optimizer | None = None

    def __init__(self, heads: LearntHeads) -> None:
        super().__init__()
        units = torch.tensor([loss_scale(head) for head in heads.values()])
        self.register_buffer("units", units, persistent=False)

    def weigh(self, present: Tensor, features: Tensor) -> Tensor:
        """The weights of the heads, float [heads], 0 where absent.

        Args:
            present: bool [heads], whether any image of the whole batch labels the head.
            features: float [images, features], what all heads are computed from.
        """
        raise NotImplementedError

    def backward(self, losses: Tensor, present: Tensor, features: Tensor, coupling: Tensor) -> Tensor:
        """Add the gradient of ``sum_h w_h L_h`` and of ``coupling`` to the parameters; returns the weights, detached.

        Args:
            losses: float [heads], in units, 0 where absent.
            present, features: as in ``weigh``.
            coupling: what ties heads together and is not weighted here, a scalar.
        """
        weights = self.weigh(present, features)
        ((weights * losses).sum() + coupling).backward()
        return weights.detach()

    def finish(self, losses: Tensor, present: Tensor) -> None:
        """Learn from the whole batch's losses, float [heads], detached, before the network takes its step."""
