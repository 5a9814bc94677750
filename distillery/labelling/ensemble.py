"""The mean over views, with its spread and agreement (data distillation, Radosavovic et al., CVPR 2018, section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from distillery.heads import Classification, Detection, LearntHead, LearntHeads
from distillery.images.transforms import to_float
from distillery.labelling.views import View, align, apply_view
from distillery.networks.multihead import Forward, decode_logits


@dataclass(frozen=True)
class Ensembled:
    """One head's result over views.

    Attributes:
        mean: [batch, names], probabilities or numbers in the head's units.
        std: [batch, names], standard deviation across views (0 with one view).
        agreement: share of the views that decide as the mean does: [batch]; detection [batch, elements].
        variance: [batch, names], regression only: spread across views plus the mean of the distributions' own.
        single: [batch, names], what the first view alone says.
    """

    mean: Tensor
    std: Tensor
    agreement: Tensor | None
    variance: Tensor | None
    single: Tensor

    def first(self, count: int) -> "Ensembled":
        """Of the first images of the batch."""
        return replace(self, **{name: value[:count] for name, value in vars(self).items() if value is not None})


@torch.inference_mode()
def predict(
    network: Forward, heads: LearntHeads, pixels: Tensor, views: Sequence[View], *, bf16: bool, together: int = 1
) -> dict[str, Ensembled]:
    """Run every view of a batch through the network, uint8 [batch, height, width, 3], and combine them by head.

    Args:
        pixels: on the network's device; the views are made there, from this one upload.
        together: views that share a forward pass, for networks that a batch alone does not keep busy.
    """
    images = to_float(pixels)
    values: dict[str, list[Tensor]] = {name: [] for name in heads}
    inner: dict[str, list[Tensor]] = {name: [] for name in heads}
    for start in range(0, len(views), together):
        group = views[start : start + together]
        seen = (
            torch.cat([apply_view(view, images) for view in group]) if len(group) > 1 else apply_view(group[0], images)
        )
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bf16):
            logits = network(seen.contiguous(memory_format=torch.channels_last))
        for number, view in enumerate(group):
            rows = slice(number * len(images), (number + 1) * len(images))
            decoded = {name: decode_logits(head, logits[name][rows]) for name, head in heads.items()}
            aligned = align(view, heads, {name: pair[0] for name, pair in decoded.items()})
            for name, (_, variance) in decoded.items():
                values[name].append(aligned[name])
                inner[name] += [] if variance is None else [variance]
    return {name: _combine(head, torch.stack(values[name]), inner[name]) for name, head in heads.items()}


def _combine(head: LearntHead, values: Tensor, inner: list[Tensor]) -> Ensembled:
    """Values [views, batch, names] to one result."""
    mean, std = values.mean(dim=0), values.std(dim=0, correction=0)
    agreement = variance = None
    match head:
        case Classification():
            agreement = (values.argmax(dim=2) == mean.argmax(dim=1)).float().mean(dim=0)
        case Detection():
            agreement = ((values >= 0.5) == (mean >= 0.5)).float().mean(dim=0)
        case _:
            own = torch.stack(inner).mean(dim=0) if inner else torch.zeros_like(mean)
            variance = std.square() + own
    return Ensembled(mean=mean, std=std, agreement=agreement, variance=variance, single=values[0])
