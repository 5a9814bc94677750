"""The mean over views, with its spread and agreement (data distillation, Radosavovic et al., CVPR 2018, section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from distillery.heads import Classification, Detection, LearntHead, LearntHeads
from distillery.images.transforms import to_float
from distillery.labelling.views import View, align, apply_view
from distillery.networks.multihead import Forward, decode_logits


@dataclass(frozen=True)
class Answers:
    """What one head says of a batch, view by view.

    Attributes:
        values: [views, batch, names], probabilities or numbers in the head's units.
        own: [views, batch, names], the variance of each answer's own distribution; None where it has none.
    """

    values: Tensor
    own: Tensor | None

    def first(self, count: int) -> "Answers":
        """Of the first images of the batch."""
        return Answers(self.values[:, :count], None if self.own is None else self.own[:, :count])

    def numpy(self) -> tuple[np.ndarray, np.ndarray | None]:
        """``values`` and ``own``, of answers on the CPU."""
        return self.values.numpy(), None if self.own is None else self.own.numpy()

    def cpu(self) -> "Answers":
        return Answers(self.values.cpu(), None if self.own is None else self.own.cpu())


def join(parts: Sequence[Answers], *, dim: int) -> Answers:
    """Answers of more views (``dim`` 0) or of more images (``dim`` 1)."""
    own = [part.own for part in parts if part.own is not None]
    return Answers(torch.cat([part.values for part in parts], dim), torch.cat(own, dim) if own else None)


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


@torch.inference_mode()
def answer(
    network: Forward, heads: LearntHeads, pixels: Tensor, views: Sequence[View], *, bf16: bool, together: int = 1
) -> dict[str, Answers]:
    """Run every view of a batch through the network, uint8 [batch, height, width, 3].

    Args:
        pixels: on the network's device; the views are made there, from this one upload.
        together: views that share a forward pass, for networks that a batch alone does not keep busy.
    """
    images = to_float(pixels)
    values: dict[str, list[Tensor]] = {name: [] for name in heads}
    own: dict[str, list[Tensor]] = {name: [] for name in heads}
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
                own[name] += [] if variance is None else [variance]
    return {name: Answers(torch.stack(values[name]), torch.stack(own[name]) if own[name] else None) for name in heads}


def combine(head: LearntHead, answers: Answers) -> Ensembled:
    """One head's answers to one result."""
    values = answers.values
    mean, std = values.mean(dim=0), values.std(dim=0, correction=0)
    variance = None
    if not isinstance(head, Classification | Detection):
        own = torch.zeros_like(mean) if answers.own is None else answers.own.mean(dim=0)
        variance = std.square() + own
    return Ensembled(mean=mean, std=std, agreement=agreement(head, values, mean), variance=variance, single=values[0])


def agreement(head: LearntHead, values: Tensor, mean: Tensor) -> Tensor | None:
    """The share of the views that decide as the mean does; None of a head that decides nothing.

    Args:
        values: [views, batch, names].
        mean: [batch, names].
    """
    match head:
        case Classification():
            return (values.argmax(dim=2) == mean.argmax(dim=1)).float().mean(dim=0)
        case Detection():
            return ((values >= 0.5) == (mean >= 0.5)).float().mean(dim=0)
        case _:
            return None


def predict(
    network: Forward, heads: LearntHeads, pixels: Tensor, views: Sequence[View], *, bf16: bool, together: int = 1
) -> dict[str, Ensembled]:
    """The ensemble of ``answer`` by head."""
    found = answer(network, heads, pixels, views, bf16=bf16, together=together)
    return {name: combine(head, found[name]) for name, head in heads.items()}
