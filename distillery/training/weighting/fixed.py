"""Weights from params.yaml."""

import torch
from torch import Tensor

from distillery.heads import LearntHeads
from distillery.training.weighting.weighting import Weighting


class Fixed(Weighting):
    """``heads.<head>.weight`` times the loss as it is, not in units: what the user says counts, and nothing else."""

    weights: Tensor

    def __init__(self, heads: LearntHeads) -> None:
        super().__init__(heads)
        self.units.fill_(1)
        self.register_buffer("weights", torch.tensor([head.weight for head in heads.values()]), persistent=False)

    def weigh(self, present: Tensor, features: Tensor) -> Tensor:
        return self.weights * present
