"""Near duplicates: the same picture in other bytes, sizes, light or mirrored, found without a learnt network.

First by thumbnails (a perceptual hash that keeps its real numbers), all against all in blocks; then the pairs that are
left pixel by pixel. What is lost in a thumbnail is detail, in which twins differ: thumbnails are the more alike.
"""

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from distillery.images.store import ImageStore
from distillery.images.transforms import grey, to_float

SIDE = 8  # pixels of a thumbnail
SLACK = 0.02  # how much less alike thumbnails may be than their pictures; docs/LOG.md: none of 261 pairs was at all
FLAT = 1e-4  # standard deviation, in grey values, below which nothing can be seen
READ, PAIRS = 1024, 2048  # images read, and pairs of pictures compared at a time
ROWS, COLUMNS = 4096, 1024  # thumbnails that are compared at a time: 16 MiB
TWINS = pl.Schema({"image": pl.String(), "twin": pl.String(), "similarity": pl.Float32(), "mirrored": pl.Boolean()})


def find_twins(store: ImageStore, images: pl.Series, others: pl.Series, *, similarity: float) -> pl.DataFrame:
    """Each image that has a twin among the others, columns ``TWINS``: the most similar one, and how alike they are.

    Two pictures are as similar as their grey values correlate, from -1 to 1, the better of as they are and mirrored.
    Of the others all thumbnails are held, of the images those of a block.

    Args:
        images: names of distinct images.
        others: names of images, none of which is among the first.
        similarity: the least that counts.
    """
    places, other_places = store.positions(images), store.positions(others)
    wanted = _thumbnails(store, other_places)
    # Left and right of a thumbnail swap as those of its picture do.
    turned = wanted.view(-1, SIDE, SIDE).flip(2).flatten(1)
    best = TWINS.to_frame()
    for top in range(0, len(places), ROWS):
        small = _thumbnails(store, places[top : top + ROWS])
        for mirrored, thumbnails in ((False, wanted), (True, turned)):
            for rows, columns in _alike(small, thumbnails, similarity - SLACK):
                found = _correlate(store, places[rows + top], other_places[columns], mirrored)
                kept = found >= similarity
                names, twins = images[rows[kept] + top], others[columns[kept]]
                best = keep_best(best, names, twins, found[kept], mirrored=mirrored)
    return best.sort("image")


def keep_best(
    best: pl.DataFrame, images: pl.Series, twins: pl.Series, similarity: np.ndarray, *, mirrored: bool
) -> pl.DataFrame:
    """Each image's most similar twin of those known and these; columns ``TWINS``."""
    if not len(images):
        return best
    pairs = {"image": images, "twin": twins, "similarity": similarity, "mirrored": [mirrored] * len(images)}
    found = pl.DataFrame(pairs, schema=TWINS)
    # At once: among frames of one scene there are as many pairs as images times images.
    found = pl.concat([best, found]).sort("similarity", "twin", descending=[True, False])
    return found.unique("image", keep="first")


def _alike(images: Tensor, others: Tensor, least: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of the pairs whose thumbnails, float [images, pixels] of length 1, are alike; some at a time."""
    for left in range(0, len(others), COLUMNS):
        found = images @ others[left : left + COLUMNS].T >= least
        rows, columns = (each.numpy() for each in torch.nonzero(found, as_tuple=True))
        for part in range(0, len(rows), PAIRS):
            within = slice(part, part + PAIRS)
            yield rows[within], columns[within] + left


def reduced(store: ImageStore, places: np.ndarray, into: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """Fill ``into`` [images, ...] with what is made of the images in grey, float [some, 1, size, size] in 0..1."""
    for start in range(0, len(places), READ):
        part = slice(start, start + READ)
        into[part] = reduce(grey(to_float(store.gather(places[part]))))
    return into


def pictures(store: ImageStore, places: np.ndarray, side: int | None = None) -> Tensor:
    """Grey, float [places, side, side], no larger than ``side``; each picture is read once."""
    distinct, member = np.unique(places, return_inverse=True)
    shown = grey(to_float(store.gather(distinct)))
    if side is not None and side < store.size:
        shown = F.adaptive_avg_pool2d(shown, side)
    return shown[torch.from_numpy(member), 0]


def unit(values: Tensor) -> Tensor:
    """Rows without their mean and of length 1: their products are correlations. Of one value throughout: zeros."""
    # What is left of rounding has a length, too.
    return F.normalize(values - values.mean(dim=1, keepdim=True), dim=1, eps=FLAT * values.shape[1] ** 0.5)


def _thumbnails(store: ImageStore, places: np.ndarray) -> Tensor:
    """Small grey pictures without their mean and of length 1, float [images, SIDE * SIDE]."""
    small = torch.empty(len(places), SIDE * SIDE)
    return reduced(store, places, small, lambda images: unit(F.adaptive_avg_pool2d(images, SIDE).flatten(1)))


def _correlate(store: ImageStore, places: np.ndarray, others: np.ndarray, mirrored: bool) -> np.ndarray:
    """How the grey values of each pair correlate, float32 [pairs]."""
    one, other = pictures(store, places), pictures(store, others)
    if mirrored:
        other = other.flip(2)
    return (unit(one.flatten(1)) * unit(other.flatten(1))).sum(dim=1).numpy()
