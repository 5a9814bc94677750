"""Faces of the pool with their pseudo-labels, kept and refused, from the surest to the least sure."""

import base64
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from PIL import Image

from distillery.heads import Head, Regression
from distillery.reporting.captions import Caption, describe
from distillery.tables import even_steps

LARGEST = 112
QUALITY = 85
Pixels = Callable[[Sequence[str]], np.ndarray]
Details = Callable[[pl.Series], pl.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Face:
    source: str
    caption: Caption


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """One head's faces; ``audited`` says whether all of them have a known truth."""

    head: str
    kept: list[Face]
    refused: list[Face]
    audited: bool


def show_pseudo_labels(
    cells: pl.DataFrame, name: str, head: Head, details: Details, pixels: Pixels, *, count: int
) -> Gallery:
    """One head's gallery.

    Args:
        cells: what ``sure_cells`` gives.
        name: the head's.
        head: says what its columns hold.
        details: of named images, ``image`` and what ``captions.describe`` reads.
        pixels: uint8 [images, size, size, 3] of named images.
        count: faces, half of them kept and half refused, as far as there are any.
    """
    known = cells.filter("known")
    audited = len(known) >= count
    shown = known if audited else cells
    chosen = [spread(shown.filter(kept), count // 2) for kept in (pl.col("kept"), ~pl.col("kept"))]
    kept, refused = (_faces(images, head, details, pixels) for images in chosen)
    return Gallery(head=name, kept=kept, refused=refused, audited=audited)


def sure_cells(pseudo: Iterable[pl.DataFrame], pool: pl.DataFrame, name: str, head: Head) -> pl.DataFrame:
    """One head's pseudo-labels in the pool: ``image``, ``kept``, ``sureness`` (greater is surer), ``known``.

    Args:
        pseudo: the pseudo-labels table in parts; labelled cells are left out.
        pool: ``image`` and ``known`` (whether the head's truth is) of the splits unlabelled and audit.
        name: the head's.
        head: says what its columns hold.
    """
    columns = {key: pl.col(f"{name}_{key}") for key in ("weight", "confidence")}
    found = []
    for part in pseudo:
        labels = (
            part.select("image", **columns)
            .filter(pl.col("weight").is_not_null())
            .join(pool, on="image", maintain_order="left")
        )
        sureness = _across(labels["confidence"]).mean(axis=1) * (-1 if isinstance(head, Regression) else 1)
        kept = _across(labels["weight"]).max(axis=1, initial=0) > 0
        found.append(labels.select("image", "known").with_columns(kept=kept, sureness=sureness))
    return pl.concat(found)


def spread(table: pl.DataFrame, count: int) -> pl.DataFrame:
    """Rows at even steps from the surest to the least sure, each once; the image's hash breaks ties."""
    if not len(table):
        return table
    ordered = table.sort(["sureness", "image"], descending=[True, False])
    return ordered[even_steps(len(table), count)]


def _across(column: pl.Series) -> np.ndarray:
    """[rows, width], also where there is no row."""
    width = column.dtype.size if isinstance(column.dtype, pl.Array) else 1
    return column.to_numpy().reshape(len(column), width)


def _faces(chosen: pl.DataFrame, head: Head, details: Details, pixels: Pixels) -> list[Face]:
    """In the order of the chosen."""
    if not len(chosen):
        return []
    rows = chosen.select("image").join(details(chosen["image"]), on="image", maintain_order="left").to_dicts()
    pictures = zip(pixels(chosen["image"].to_list()), rows, strict=True)
    return [Face(source=inline(image), caption=describe(row, head)) for image, row in pictures]


def inline(image: np.ndarray) -> str:
    """A small JPEG as a data URI, uint8 [size, size, 3]."""
    picture = Image.fromarray(image)
    picture.thumbnail((LARGEST, LARGEST))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
