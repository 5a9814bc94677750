"""Crops: the same picture cut by up to a fifth of its side, in other bytes, sizes or light; without a learnt network.

First by thumbnails, of windows of one picture beside the whole other one, all against all in blocks. Then the pairs
that are left are laid over each other: the window moves and grows until both look most alike, coarsely in small
pictures, then finely. By then strangers are alike too, a dark side like another dark side; their details are not.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from distillery.images.store import ImageStore
from distillery.images.twins import TWINS, alike, grey_parts, keep_best, pictures, unit

# A window: its share of the side, and how far its centre lies right of and below the middle, in sides.
Window = tuple[float, float, float]
WHOLE: Window = (1.0, 0.0, 0.0)
SHARES = (0.9, 0.8)
MOVES = torch.tensor(list(product((0.0, -1.0, 1.0), (0.0, -0.5, 0.5), (0.0, -0.5, 0.5))))
COARSE, FINE = (0.04,), (0.02, 0.01)  # steps by which a window's share is tried, and its centre by half of them
SMALL, LARGE = 32, 64  # pixels a side at which pictures are laid over each other, coarsely and finely
REDUCED, THUMBNAIL = 20, 8  # pixels a side; of the first both shares are whole
SURROUNDINGS = 7  # pixels a side: what is lighter or darker than the mean of so many is a detail

# Measured on photographs (docs/LOG.md): strangers' details correlate by .6 at most, those of twins from there to .99.
ALIKE = 0.92  # thumbnails
HOPEFUL = 0.55  # details, coarsely laid over each other
SAME = 0.6  # details


def find_crops(store: ImageStore, images: pl.Series, others: pl.Series) -> pl.DataFrame:
    """Each image of which one of the others shows a part, or which shows a part of it; columns ``TWINS``.

    The most similar one: by the correlation of grey values where both show the same, 0 to 1.

    Args:
        images: names of distinct images.
        others: names of images, none of which is among the first.
    """
    places, other_places = store.positions(images), store.positions(others)
    reduced = [_reduced(store, side) for side in (places, other_places)]
    whole = [thumbnails(side, WHOLE) for side in reduced]
    best = TWINS.to_frame()
    for window in windows():
        cut = [thumbnails(side, window) for side in reduced]
        for first, one, other in ((True, cut[0], whole[1]), (False, whole[0], cut[1])):
            for rows, columns in alike(one, other, ALIKE):
                shown, part = places[rows], other_places[columns]
                kept, found = _compare(store, *((shown, part) if first else (part, shown)), window)
                best = keep_best(best, images[rows[kept]], others[columns[kept]], found, mirrored=False)
    return best.sort("image")


def windows() -> Iterator[Window]:
    """Where a crop may lie: at every corner and side, and in the middle."""
    for share, right, down in product(SHARES, (-1, 0, 1), (-1, 0, 1)):
        margin = (1 - share) / 2
        yield share, right * margin, down * margin


def thumbnails(reduced: Tensor, window: Window) -> Tensor:
    """Of a window of each picture, without its mean and of length 1: float [pictures, pixels].

    Args:
        reduced: grey, uint8 [pictures, ``REDUCED``, ``REDUCED``].
    """
    share, right, down = window
    side = round(share * REDUCED)
    left, top = (round((REDUCED - side) / 2 + move * REDUCED) for move in (right, down))
    part = reduced[:, None, top : top + side, left : left + side]
    return torch.cat([unit(F.adaptive_avg_pool2d(rows.float(), THUMBNAIL).flatten(1)) for rows in part.split(1 << 16)])


def lay_over(whole: Tensor, cut: Tensor, placed: Tensor, steps: Sequence[float]) -> tuple[Tensor, Tensor, Tensor]:
    """Move and grow each window until what it shows is most like the crop.

    Args:
        whole, cut: grey, float [pairs, side, side].
        placed: windows of ``whole``, float [pairs, 3].

    Returns:
        The windows; how grey values and how details correlate there, from -1 to 1, float [pairs].
    """
    wanted = unit(cut.flatten(1))
    best = torch.full((len(whole),), -1.0)
    for step in steps:
        start = placed
        for move in MOVES:
            tried = start + step * move
            found = (unit(cut_out(whole, tried).flatten(1)) * wanted).sum(dim=1)
            better = found > best
            best, placed = torch.where(better, found, best), torch.where(better[:, None], tried, placed)
    details = [unit(_details(each).flatten(1)) for each in (cut_out(whole, placed), cut)]
    return placed, best, (details[0] * details[1]).sum(dim=1)


def cut_out(whole: Tensor, placed: Tensor) -> Tensor:
    """What each window shows, at the picture's size; outside of the picture its edge goes on."""
    share, right, down = placed.T
    zero = torch.zeros_like(share)
    matrix = torch.stack([share, zero, 2 * right, zero, share, 2 * down], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, [len(whole), 1, *whole.shape[1:]], align_corners=False)
    return F.grid_sample(whole[:, None], grid, padding_mode="border", align_corners=False)[:, 0]


def _compare(store: ImageStore, whole: np.ndarray, cut: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Which of the pairs show the same, and how their grey values correlate."""
    left, found = torch.arange(len(whole)), torch.zeros(0)
    placed = torch.tensor([window]).repeat(len(whole), 1)
    for side, steps, least in ((SMALL, COARSE, HOPEFUL), (LARGE, FINE, SAME)):
        if not len(left):
            break
        shown, part = (pictures(store, places[left.numpy()], side) for places in (whole, cut))
        placed, found, details = lay_over(shown, part, placed, steps)
        kept = details >= least
        left, placed, found = left[kept], placed[kept], found[kept]
    return left.numpy(), found.numpy()


def _details(shown: Tensor) -> Tensor:
    mean = F.avg_pool2d(shown[:, None], SURROUNDINGS, 1, SURROUNDINGS // 2, count_include_pad=False)
    return shown - mean[:, 0]


def _reduced(store: ImageStore, places: np.ndarray) -> Tensor:
    """Grey, uint8 [images, ``REDUCED``, ``REDUCED``]."""
    parts = [torch.zeros(0, REDUCED, REDUCED, dtype=torch.uint8)]
    for images in grey_parts(store, places):
        parts.append((255 * F.adaptive_avg_pool2d(images, REDUCED)[:, 0]).round().byte())
    return torch.cat(parts)
