"""The weight unit: task weights out of the features that all heads share (DYN)."""

import torch.nn.functional as F
from torch import Tensor, nn

STD = 0.1  # of the initial weights (METHODS, DYN, read in the authors' code)


class WeightUnit(nn.Module):
    """Features [images, features] to weights [heads] that are at least 0 and sum to 1 over the heads that are there.

    Source: METHODS, DYN: the features of each image, L2-normalised, through one linear layer without activation and a
    softmax over the heads; the mean over the batch. Ours differs: a head that no image labels is left out of the
    softmax. The features are a constant to the unit: it never trains the network.
    """

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, heads)
        nn.init.normal_(self.linear.weight, std=STD)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor, present: Tensor) -> Tensor:
        direction = F.normalize(features.detach().float(), dim=1)
        return softmax_of_present(self.linear(direction), present).mean(dim=0)


def softmax_of_present(logits: Tensor, present: Tensor) -> Tensor:
    """Softmax over the heads that are there, [..., heads]; 0 elsewhere, and everywhere where none is."""
    # The lowest number rather than minus infinity: without any head the softmax would be not-a-number.
    lowest = logits.masked_fill(~present, -1e30)
    return lowest.softmax(dim=-1).masked_fill(~present, 0)
