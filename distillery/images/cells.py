"""The cells of a table as tensors: labels and weights by head, 0 weight where a cell is empty."""

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Cells:
    """By head: labels float [images, names], of an identification [images, 1], the person's number; weights float
    [images], detection [images, elements]."""

    labels: dict[str, Tensor]
    weights: dict[str, Tensor]

    def rows(self, rows: Tensor | slice) -> "Cells":
        """The cells of some images, int64 [batch] or a stretch of them."""
        pick: Callable[[dict[str, Tensor]], dict[str, Tensor]] = lambda by: {k: v[rows] for k, v in by.items()}  # noqa: E731
        return Cells(pick(self.labels), pick(self.weights))

    def to(self, device: torch.device) -> "Cells":
        """On the device; a GPU copies from page-locked memory, and nobody waits for it."""

        def move(value: Tensor) -> Tensor:
            return (value.pin_memory() if device.type == "cuda" else value).to(device, non_blocking=True)

        return Cells({k: move(v) for k, v in self.labels.items()}, {k: move(v) for k, v in self.weights.items()})

    def flipped(self, heads: AnyHeads, images: Tensor) -> "Cells":
        """Left and right swapped in the images that were flipped, bool [batch]."""
        labels, weights = dict(self.labels), dict(self.weights)
        for name, head in heads.items():
            order = mirrored(head)
            if order != sorted(order):
                labels[name] = torch.where(images[:, None], reorder(labels[name], order), labels[name])
            if order != sorted(order) and isinstance(head, Detection):
                weights[name] = torch.where(images[:, None], reorder(weights[name], order), weights[name])
        return Cells(labels, weights)


def labelled_cells(manifest: pl.DataFrame, heads: AnyHeads) -> Cells:
    """What the manifest's rows say."""
    found = {name: _labelled(manifest[name], head) for name, head in heads.items()}
    return Cells({name: pair[0] for name, pair in found.items()}, {name: pair[1] for name, pair in found.items()})


def fill_empty(
    cells: Cells, pseudo: pl.DataFrame, images: pl.Series, heads: Heads, *, soft: dict[str, bool], weight: float
) -> Cells:
    """Put pseudo-labels into the empty cells of ``images``; a labelled cell is never touched.

    Args:
        cells: the labelled cells of the images.
        pseudo: the pseudo-labels table.
        images: the image of each row of ``cells``.
        soft: by head, whether the teacher's probabilities or its decision is learnt.
        weight: of a pseudo-labelled cell against a labelled one.
    """
    joined = images.to_frame("image").join(pseudo, on="image", how="left", maintain_order="left")
    labels, weights = dict(cells.labels), dict(cells.weights)
    for name, head in heads.items():
        kept = _wide(joined[f"{name}_weight"], head).nan_to_num()
        values = _wide_values(joined[f"{name}_soft"], len(names(head))).nan_to_num()
        if not soft[name]:
            values = _decide(head, values)
        empty = weights[name] == 0
        weights[name] = torch.where(empty, kept * weight, weights[name])
        across = empty if empty.ndim == 2 else empty[:, None]
        labels[name] = torch.where(across, values, labels[name])
    return Cells(labels, weights)


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
