"""One backbone, one linear output per head."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distillery.heads import Classification, Detection, Identification, LearntHead, LearntHeads, Regression, names
from distillery.networks.backbones import make_backbone

MEAN = (0.485, 0.456, 0.406)  # ImageNet's, which torchvision's weights expect
STD = (0.229, 0.224, 0.225)
Forward = Callable[[Tensor], dict[str, Tensor]]  # a network as it is called, compiled or folded or as it is


class MultiHead(nn.Module):
    """Images in 0..1, float [batch, 3, height, width], to logits [batch, outputs] by head.

    Normalisation is part of the network, so that a stored model needs no recipe beside it.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        heads: LearntHeads,
        *,
        backbone: str,
        width: float,
        size: int,
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone, self.features = make_backbone(
            backbone, width=width, size=size, stochastic_depth=stochastic_depth
        )
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(self.features, outputs(head)) for name, head in heads.items()})
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.features_and_logits(images)[1]

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Also what all heads are computed from, [batch, features]: training weighs the heads by it."""
        features = self.dropout(self.backbone((images - self.mean).div_(self.std)))
        return features, {name: head(features).float() for name, head in self.heads.items()}


def outputs(head: LearntHead) -> int:
    """How many logits a head has."""
    bins = head.bins if isinstance(head, Regression) and head.bins else 1
    return len(names(head)) * bins


def bin_centres(head: Regression, like: Tensor) -> Tensor:
    """The centres of a regression head's bins, in the head's units, [bins]."""
    assert head.bins is not None
    return torch.linspace(*head.range, head.bins, dtype=like.dtype, device=like.device)


def decode_logits(head: LearntHead, logits: Tensor) -> tuple[Tensor, Tensor | None]:
    """Logits [batch, outputs] to values [batch, names] and, for a distribution over bins, their variance.

    Identification: a direction of length 1. Classification and detection: probabilities. Regression: the expectation in
    the head's units (DLDL-v2, Gao et al., IJCAI 2018, equation 5), or without bins the logit itself, scaled from 0..1
    to the range and never beyond it: a number that no label may be is no pseudo-label either. Losses see the logit.
    """
    match head:
        case Classification():
            return logits.softmax(dim=1), None
        case Detection():
            return logits.sigmoid(), None
        case Identification():
            return F.normalize(logits, dim=1), None
        case Regression(bins=None):
            low, high = head.range
            return (low + logits * (high - low)).clamp(low, high), None
        case _:
            chances = logits.unflatten(1, (len(head.outputs), -1)).softmax(dim=2)
            centres = bin_centres(head, chances)
            mean = chances @ centres
            # A difference of nearly equal numbers: rounding may leave it a little below 0.
            return mean, (chances @ centres.square() - mean.square()).clamp(min=0)


def decode_all(heads: LearntHeads, logits: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor | None]]:
    """``decode_logits`` for every head."""
    return {name: decode_logits(head, logits[name]) for name, head in heads.items()}
