"""Weights by each head's own uncertainty, learnt along with the network."""

import torch
from torch import Tensor, nn

from distillery.heads import LearntHeads, Regression
from distillery.training.weighting.weighting import Weighting


class Uncertainty(Weighting):
    """``sum_h exp(-s_h) L_h + s_h / 2`` with ``s_h = log sigma_h^2`` learnt; half the first term for a regression.

    Source: Kendall, Gal, Cipolla, CVPR 2018, equations 7 and 10. Ours differs: a head that no image of the batch labels
    has neither term in it, or its uncertainty would sink while nothing is learnt of it.
    """

    share: Tensor

    def __init__(self, heads: LearntHeads) -> None:
        super().__init__(heads)
        self.log_variance = nn.Parameter(torch.zeros(len(heads)))
        self.joint = (self.log_variance,)
        share = torch.tensor([0.5 if isinstance(head, Regression) else 1.0 for head in heads.values()])
        self.register_buffer("share", share, persistent=False)

    def weigh(self, present: Tensor, features: Tensor) -> Tensor:
        return self.share * (-self.log_variance).exp() * present

    def finish(self, losses: Tensor, present: Tensor) -> None:
        (self.log_variance * present / 2).sum().backward()
