"""Faces of the pool with their pseudo-labels, kept and refused, from the surest to the least sure."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from PIL import Image

from distillery.heads import Classification, Head, Regression
from distillery.reporting.captions import Caption, describe

LARGEST = 112
QUALITY = 85
Pixels = Callable[[Sequence[str]], np.ndarray]


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
    cells: Mapping[str, pl.DataFrame], heads: Mapping[str, Head], pixels: Pixels, *, count: int
) -> list[Gallery]:
    """A gallery for each head.

    Args:
        cells: by head, what ``join_cells`` gives.
        heads: by name.
        pixels: uint8 [images, size, size, 3] of named images.
        count: faces of a head, half of them kept and half refused, as far as there are any.
    """
    found = []
    for name, table in cells.items():
        known = table.filter(pl.col("truth").is_not_null())
        audited = len(known) >= count
        shown = known if audited else table
        kept = _faces(spread(shown.filter("kept"), count // 2), heads[name], pixels)
        refused = _faces(spread(shown.filter(~pl.col("kept")), count // 2), heads[name], pixels)
        found.append(Gallery(head=name, kept=kept, refused=refused, audited=audited))
    return found


def join_cells(
    pseudo: pl.DataFrame, predictions: pl.DataFrame, manifest: pl.DataFrame, name: str, head: Head
) -> pl.DataFrame:
    """One head's pseudo-labels in the pool: ``image``, what ``captions.describe`` reads, ``kept``, ``sureness``.

    Args:
        pseudo: the pseudo-labels table; its labelled cells are left out.
        predictions: the predictions table, for the agreement of the views (regression: their spread).
        manifest: rows of the splits unlabelled and audit; the truth is that of the audit rows.
        name: the head's.
        head: says what the columns hold.
    """
    views = "std" if isinstance(head, Regression) else "agreement"
    truth = pl.col(name).cast(pl.String) if isinstance(head, Classification) else pl.col(name)
    pool = manifest.select("image", "split", truth=truth).unique("image", keep="first", maintain_order=True)
    pool = pool.with_columns(truth=pl.when(pl.col("split").cast(pl.String) == "audit").then("truth"))
    columns = {key: pl.col(f"{name}_{key}") for key in ("soft", "hard", "weight", "confidence")}
    labels = pseudo.select("image", **columns).filter(pl.col("weight").is_not_null())
    agreement = predictions.select("image", pl.col(f"{name}_{views}").alias(views))
    table = labels.join(agreement, on="image").join(pool, on="image")
    sureness = _across(table["confidence"]).mean(axis=1)
    kept = _across(table["weight"]).max(axis=1) > 0
    return table.with_columns(kept=kept, sureness=-sureness if isinstance(head, Regression) else sureness)


def spread(table: pl.DataFrame, count: int) -> pl.DataFrame:
    """Rows at even steps from the surest to the least sure, each once; the image's hash breaks ties."""
    if not len(table):
        return table
    ordered = table.sort(["sureness", "image"], descending=[True, False])
    return ordered[np.unique(np.linspace(0, len(table) - 1, count).round().astype(int)).tolist()]


def _across(column: pl.Series) -> np.ndarray:
    """[rows, width], also where there is no row."""
    width = column.dtype.size if isinstance(column.dtype, pl.Array) else 1
    return column.to_numpy().reshape(len(column), width)


def _faces(table: pl.DataFrame, head: Head, pixels: Pixels) -> list[Face]:
    images = pixels(table["image"].to_list())
    rows = zip(images, table.to_dicts(), strict=True)
    return [Face(source=inline(image), caption=describe(row, head)) for image, row in rows]


def inline(image: np.ndarray) -> str:
    """A small JPEG as a data URI, uint8 [size, size, 3]."""
    picture = Image.fromarray(image)
    picture.thumbnail((LARGEST, LARGEST))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
