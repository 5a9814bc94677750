"""Faces of the pool with their pseudo-labels: kept, refused, flipped since the round before, most disputed."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from PIL import Image

from distillery.heads import Head
from distillery.reporting.captions import Caption, describe
from distillery.tables import even_steps

KEPT, REFUSED, FLIPPED, DISPUTED = "kept", "refused", "flipped", "disputed"
LARGEST = 112
QUALITY = 85
Pixels = Callable[[Sequence[str]], np.ndarray]
Details = Callable[[pl.Series], pl.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Face:
    image: str
    source: str
    caption: Caption


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """One head's faces by what became of their pseudo-labels; ``audited``: all of them have a known truth."""

    head: str
    groups: dict[str, list[Face]]
    audited: bool


def show_pseudo_labels(
    cells: pl.DataFrame, name: str, head: Head, details: Details, pixels: Pixels, *, count: int
) -> Gallery:
    """One head's gallery: as many faces kept, refused, flipped since the round before, and most disputed by its views.

    Args:
        cells: what ``cells.pool_cells`` gives, or ``cells.moved``, where there is a round before.
        name: the head's.
        head: says what its columns hold.
        details: of named images, ``image`` and what ``captions.describe`` reads.
        pixels: uint8 [images, size, size, 3] of named images.
        count: faces kept and refused together, as far as there are any.
    """
    known = cells.filter("known")
    audited = len(known) >= count
    shown, each = known if audited else cells, count // 2
    chosen = {
        KEPT: spread(shown.filter("kept"), each),
        REFUSED: spread(shown.filter(~pl.col("kept")), each),
    }
    if shown["disputed"].n_unique() > 1:  # by one view nothing is disputed
        chosen[DISPUTED] = _most(shown, "disputed", each)
    if "moved" in shown.columns:
        chosen[FLIPPED] = _most(shown.filter(pl.col("moved") > 0), "moved", each)
    # At once: what is told of them lies in tables that may be large, and one face may be of two groups.
    everyone = pl.concat([rows["image"] for rows in chosen.values()]).unique(maintain_order=True)
    faces = dict(zip(everyone, _faces(everyone, head, details, pixels), strict=True))
    groups = {group: [faces[image] for image in rows["image"]] for group, rows in chosen.items()}
    return Gallery(head=name, groups=groups, audited=audited)


def _most(table: pl.DataFrame, column: str, count: int) -> pl.DataFrame:
    """The rows where it is greatest; the image's hash breaks ties."""
    return table.sort([column, "image"], descending=[True, False]).head(count)


def spread(table: pl.DataFrame, count: int) -> pl.DataFrame:
    """Rows at even steps from the surest to the least sure, each once; the image's hash breaks ties."""
    if not len(table):
        return table
    ordered = table.sort(["sureness", "image"], descending=[True, False])
    return ordered[even_steps(len(table), count)]


def _faces(images: pl.Series, head: Head, details: Details, pixels: Pixels) -> list[Face]:
    """In the order of the images."""
    if not len(images):
        return []
    rows = images.to_frame("image").join(details(images), on="image", maintain_order="left").to_dicts()
    pictures = zip(pixels(images.to_list()), rows, strict=True)
    return [Face(image=row["image"], source=inline(image), caption=describe(row, head)) for image, row in pictures]


def inline(image: np.ndarray) -> str:
    """A small JPEG as a data URI, uint8 [size, size, 3]."""
    picture = Image.fromarray(image)
    picture.thumbnail((LARGEST, LARGEST))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
