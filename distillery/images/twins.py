"""Near duplicates: the same picture in other bytes, sizes, light or mirrored, found without a learnt network.

First by thumbnails (a perceptual hash that keeps its real numbers), all against all in blocks; then the pairs that are
left pixel by pixel. What is lost in a thumbnail is detail, in which twins differ: thumbnails are the more alike.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from distillery.images.store import ImageStore
from distillery.images.transforms import grey, to_float

SIDE = 8  # pixels of a thumbnail
SLACK = 0.02  # how much less alike thumbnails may be than their pictures; docs/LOG.md: none of 261 pairs was at all
READ, PAIRS = 1024, 2048  # images read, and pairs of pictures compared at a time
ROWS, COLUMNS = 16384, 1024  # thumbnails that are compared at a time: 64 MiB
TWINS = pl.Schema({"image": pl.String(), "twin": pl.String(), "similarity": pl.Float32(), "mirrored": pl.Boolean()})


def find_twins(store: ImageStore, images: pl.Series, others: pl.Series, *, similarity: float) -> pl.DataFrame:
    """Each image that has a twin among the others, columns ``TWINS``: the most similar one, and how alike they are.

    Two pictures are as similar as their grey values correlate, from -1 to 1, the better of as they are and mirrored.

    Args:
        images: names of distinct images.
        others: names of images, none of which is among the first.
        similarity: the least that counts.
    """
    places, other_places = store.positions(images), store.positions(others)
    small, wanted = _thumbnails(store, places), _thumbnails(store, other_places)
    best = TWINS.to_frame()
    for mirrored in (False, True):
        # Left and right of a thumbnail swap as those of its picture do.
        turned = wanted.view(-1, SIDE, SIDE).flip(2).flatten(1) if mirrored else wanted
        for rows, columns in _alike(small, turned, similarity - SLACK):
            alike = _correlate(store, places[rows], other_places[columns], mirrored)
            kept = alike >= similarity
            if kept.any():
                pairs = {"image": images[rows[kept]], "twin": others[columns[kept]], "similarity": alike[kept]}
                found = pl.DataFrame(pairs, schema_overrides=TWINS).with_columns(mirrored=pl.lit(mirrored))
                # At once: among frames of one scene there are as many pairs as images times images.
                found = pl.concat([best, found]).sort("similarity", "twin", descending=[True, False])
                best = found.unique("image", keep="first")
    return best.sort("image")


def _thumbnails(store: ImageStore, places: np.ndarray) -> Tensor:
    """Small grey pictures without their mean and of length 1, float [images, SIDE * SIDE]."""
    parts = [torch.zeros(0, SIDE * SIDE)]
    for start in range(0, len(places), READ):
        images = grey(to_float(store.gather(places[start : start + READ])))
        parts.append(_unit(F.adaptive_avg_pool2d(images, SIDE).flatten(1)))
    return torch.cat(parts)


def _alike(images: Tensor, others: Tensor, least: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of the pairs whose thumbnails are alike, so many at a time."""
    for top, left in product(range(0, len(images), ROWS), range(0, len(others), COLUMNS)):
        alike = images[top : top + ROWS] @ others[left : left + COLUMNS].T >= least
        rows, columns = (found.numpy() for found in torch.nonzero(alike, as_tuple=True))
        for part in range(0, len(rows), PAIRS):
            within = slice(part, part + PAIRS)
            yield rows[within] + top, columns[within] + left


def _correlate(store: ImageStore, places: np.ndarray, others: np.ndarray, mirrored: bool) -> np.ndarray:
    """How the grey values of each pair correlate, float32 [pairs]; each picture is read once."""
    one, other = _pictures(store, places), _pictures(store, others)
    if mirrored:
        other = other.view(len(other), store.size, store.size).flip(2).flatten(1)
    return (one * other).sum(dim=1).numpy()


def _pictures(store: ImageStore, places: np.ndarray) -> Tensor:
    distinct, member = np.unique(places, return_inverse=True)
    return _unit(grey(to_float(store.gather(distinct))).flatten(1))[torch.from_numpy(member)]


def _unit(values: Tensor) -> Tensor:
    return F.normalize(values - values.mean(dim=1, keepdim=True), dim=1)
