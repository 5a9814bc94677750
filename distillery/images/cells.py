"""The cells of a table as tensors: labels and weights by head, 0 weight where a cell is empty."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import torch
from torch import Tensor

from distillery.heads import (
    AnyHead,
    AnyHeads,
    Classification,
    Compound,
    Detection,
    Head,
    Heads,
    Identification,
    Regression,
    mirrored,
    names,
)

SMALL = 1e-7  # the least probability that has a logarithm here


@dataclass(frozen=True)
class Cells:
    """By head: labels float [images, names], of an identification [images, 1], the person's number; weights float
    [images], detection [images, elements]; pseudo bool, shaped as the weights, whether a cell is pseudo-labelled (of
    heads that have such cells).

    A negative label of a classification, classes that an image is not of, has -1 there and 0 elsewhere."""

    labels: dict[str, Tensor]
    weights: dict[str, Tensor]
    pseudo: dict[str, Tensor] = field(default_factory=dict)

    def rows(self, rows: Tensor | slice) -> "Cells":
        """The cells of some images, int64 [batch] or a stretch of them."""
        pick: Callable[[dict[str, Tensor]], dict[str, Tensor]] = lambda by: {k: v[rows] for k, v in by.items()}  # noqa: E731
        return Cells(pick(self.labels), pick(self.weights), pick(self.pseudo))

    def to(self, device: torch.device) -> "Cells":
        """On the device; a GPU copies from page-locked memory, and nobody waits for it."""

        def move(value: Tensor) -> Tensor:
            return (value.pin_memory() if device.type == "cuda" else value).to(device, non_blocking=True)

        parts = (self.labels, self.weights, self.pseudo)
        return Cells(*({name: move(value) for name, value in part.items()} for part in parts))

    def flipped(self, heads: AnyHeads, images: Tensor) -> "Cells":
        """Left and right swapped in the images that were flipped, bool [batch]."""
        labels, weights, pseudo = dict(self.labels), dict(self.weights), dict(self.pseudo)
        for name, head in heads.items():
            order = mirrored(head)
            if order == sorted(order):
                continue
            for part in (labels, weights, pseudo) if isinstance(head, Detection) else (labels,):
                if name in part:
                    part[name] = torch.where(images[:, None], reorder(part[name], order), part[name])
        return Cells(labels, weights, pseudo)


def labelled_cells(manifest: pl.DataFrame, heads: AnyHeads) -> Cells:
    """What the manifest's rows say."""
    found = {name: _labelled(manifest[name], head) for name, head in heads.items()}
    return Cells({name: pair[0] for name, pair in found.items()}, {name: pair[1] for name, pair in found.items()})


def fill_empty(
    cells: Cells,
    pseudo: pl.DataFrame,
    images: pl.Series,
    heads: Heads,
    *,
    soft: dict[str, bool],
    weight: float,
    temperature: float = 1.0,
) -> Cells:
    """Put pseudo-labels into the empty cells of ``images``; a labelled cell is never touched.

    Args:
        cells: the labelled cells of the images.
        pseudo: the pseudo-labels table.
        images: the image of each row of ``cells``.
        soft: by head, whether the teacher's probabilities or its decision is learnt.
        weight: of a pseudo-labelled cell against a labelled one.
        temperature: of soft probabilities, ``softmax(log p / T)``.
    """
    joined = images.to_frame("image").join(pseudo, on="image", how="left", maintain_order="left")
    labels, weights, supposed = dict(cells.labels), dict(cells.weights), dict(cells.pseudo)
    for name, head in heads.items():
        kept = _wide(joined[f"{name}_weight"], head).nan_to_num()
        values = _wide_values(joined[f"{name}_soft"], len(names(head))).nan_to_num()
        values = temper(head, values, temperature) if soft[name] else _decide(head, values)
        empty = weights[name] == 0
        supposed[name] = empty & (kept > 0)
        weights[name] = torch.where(empty, kept * weight, weights[name])
        across = empty if empty.ndim == 2 else empty[:, None]
        labels[name] = torch.where(across, values, labels[name])
        if isinstance(head, Classification):
            unlike = _wide_values(joined[f"{name}_negative"], len(head.classes)).nan_to_num() * empty[:, None]
            only = unlike.any(dim=1)
            labels[name] = torch.where(only[:, None], -unlike, labels[name])
            weights[name] = torch.where(only, weight, weights[name])
            supposed[name] |= only
    return Cells(labels, weights, supposed)


def temper(head: Head, values: Tensor, temperature: float) -> Tensor:
    """Probabilities [images, names] at another temperature (Hinton et al. 2015); numbers have none."""
    if temperature == 1 or isinstance(head, Regression):
        return values
    logs = values.clamp(min=SMALL).log()
    if isinstance(head, Classification):
        return (logs / temperature).softmax(dim=1)
    return ((logs - (1 - values).clamp(min=SMALL).log()) / temperature).sigmoid()


def reorder(values: Tensor, order: list[int]) -> Tensor:
    """The columns of [rows, names] in another order, without an index, which a GPU would have to wait for."""
    columns = values.unbind(dim=1)
    return torch.stack([columns[place] for place in order], dim=1)


def _labelled(column: pl.Series, head: AnyHead) -> tuple[Tensor, Tensor]:
    match head:
        case Classification() | Compound():
            codes = column.cast(pl.String).replace_strict(
                dict(zip(head.classes, range(len(head.classes)), strict=True)), default=None, return_dtype=pl.Int64
            )
            present = torch.from_numpy(codes.is_not_null().to_numpy().copy())
            index = torch.from_numpy(codes.fill_null(0).to_numpy().copy())
            return torch.eye(len(head.classes))[index], present.float()
        case Detection():
            values = _wide_values(column, len(head.elements))
            return values.nan_to_num(), (~values.isnan()).float()
        case Identification():
            # Numbers of this table alone: who is who matters, not who.
            numbers = column.cast(pl.String).rank("dense").cast(pl.Float32) - 1
            present = torch.from_numpy(numbers.is_not_null().to_numpy().copy())
            return torch.from_numpy(numbers.fill_null(0).to_numpy().copy())[:, None], present.float()
        case _:
            values = _wide_values(column, len(head.outputs))
            return values.nan_to_num(), (~values.isnan().any(dim=1)).float()


def _wide(column: pl.Series, head: Head) -> Tensor:
    if isinstance(head, Detection | Regression):
        values = _wide_values(column, len(names(head)))
        return values if isinstance(head, Detection) else values.amin(dim=1)
    return torch.from_numpy(column.cast(pl.Float32).to_numpy().copy())


def _wide_values(column: pl.Series, width: int) -> Tensor:
    """A fixed-size list column as float [rows, width], not-a-number where null."""
    parts = [column.arr.get(i).cast(pl.Float32).to_numpy() for i in range(width)]
    return torch.from_numpy(np.stack(parts, axis=1))


def _decide(head: Head, values: Tensor) -> Tensor:
    match head:
        case Classification():
            return torch.eye(len(head.classes))[values.argmax(dim=1)]
        case Detection():
            return (values >= 0.5).float()
        case _:
            return values
