"""Crops: the same picture cut by up to a fifth of its side, in other bytes, sizes or light; without a learnt network.

First by thumbnails, of windows of one picture beside the whole other one, all against all in blocks. Then the pairs
that are left are laid over each other: the window moves and grows until both look most alike, coarsely in small
pictures, then finely. By then strangers are alike too, a dark side like another dark side; their details are not.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.images.store import ImageStore
from distillery.images.twins import TWINS, keep_best, pictures, reduced, unit

SHARES = (0.9, 0.8)  # of the side that a crop shows
MOVES = torch.tensor(list(product((0.0, -1.0, 1.0), (0.0, -0.5, 0.5), (0.0, -0.5, 0.5))))
COARSE, FINE = (0.04,), (0.02, 0.01)  # steps by which a window's share is tried, and its centre by half of them
SMALL, LARGE = 32, 64  # pixels a side at which pictures are laid over each other, coarsely and finely
REDUCED, THUMBNAIL = 20, 8  # pixels a side; of the first both shares are whole
SURROUNDINGS = 7  # pixels a side: what is lighter or darker than the mean of so many is a detail
ROWS, COLUMNS, PAIRS = 4096, 1024, 2048  # thumbnails, and pairs of pictures, that are compared at a time

# Measured on photographs of 64 pixels (docs/LOG.md): details of strangers correlate by .6 at most, of twins by more.
ALIKE = 0.92  # thumbnails
HOPEFUL = 0.55  # details, coarsely laid over each other
SAME = 0.6  # details


def find_crops(
    store: ImageStore, images: pl.Series, others: pl.Series, *, progress: Callable[[int], None] = lambda done: None
) -> pl.DataFrame:
    """Each image of which one of the others shows a part or all, or which shows a part of it; columns ``TWINS``.

    The first such twin that is found, the likeliest being tried first; how their grey values correlate where both show
    the same, 0 to 1.

    Args:
        images: names of distinct images.
        others: names of images, none of which is among the first.
        progress: told how many images are done.

    Raises:
        DistilleryError: the store's pictures are too small to have details.
    """
    if store.size < SMALL:
        raise DistilleryError(
            f"ledger.crops: pictures of {store.size} pixels a side have too few details to be told by; "
            f"allowed from images.size {SMALL} on, or crops: false"
        )
    places, other_places = store.positions(images), store.positions(others)
    one, other = (_reduced(store, side) for side in (places, other_places))
    known = np.zeros(len(images), dtype=bool)
    best = TWINS.to_frame()
    for top in range(0, len(images), ROWS):
        for rows, columns in _candidates(one, other, slice(top, top + ROWS)):
            # One twin is enough: among frames of one scene there are as many pairs as images times images.
            rows, columns = rows[~known[rows]], columns[~known[rows]]
            if not len(rows):
                continue
            first, placed = _place(one[rows], other[columns])
            sides = places[rows], other_places[columns]
            kept, found = _compare(store, np.where(first, *sides), np.where(first, *sides[::-1]), placed)
            known[rows[kept]] = True
            best = keep_best(best, images[rows[kept]], others[columns[kept]], found, mirrored=False)
        progress(min(top + ROWS, len(images)))
    return best.sort("image")


def windows() -> Tensor:
    """Where a crop may lie: the whole picture, then at every corner and side and in the middle; float [windows, 3].

    A window is its share of the side, and how far its centre lies right of and below the middle, in sides.
    """
    places = product(SHARES, (-1, 0, 1), (-1, 0, 1))
    cut = [(share, right * (1 - share) / 2, down * (1 - share) / 2) for share, right, down in places]
    return torch.tensor([(1.0, 0.0, 0.0), *cut])


def thumbnails(reduced: Tensor) -> Tensor:
    """Of each window of each picture, without its mean and of length 1: float [windows, pictures, pixels].

    Args:
        reduced: grey, uint8 [pictures, ``REDUCED``, ``REDUCED``].
    """
    made = []
    for share, right, down in windows().tolist():
        side = round(share * REDUCED)
        left, top = (round((REDUCED - side) / 2 + move * REDUCED) for move in (right, down))
        part = reduced[:, None, top : top + side, left : left + side].float()
        made.append(unit(F.adaptive_avg_pool2d(part, THUMBNAIL).flatten(1)))
    return torch.stack(made)


def _candidates(one: Tensor, other: Tensor, within: slice) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of the pairs of which a window of one is like the whole other, some at a time.

    Of a block first the most alike pair of each row, then the second of each that has one, and so on.
    """
    cuts = thumbnails(one[within])
    for left in range(0, len(other), COLUMNS):
        other_cuts = thumbnails(other[left : left + COLUMNS])
        alike = cuts[0] @ other_cuts[0].T
        for cut, other_cut in zip(cuts[1:], other_cuts[1:], strict=True):
            torch.maximum(alike, cut @ other_cuts[0].T, out=alike)
            torch.maximum(alike, cuts[0] @ other_cut.T, out=alike)
        rows, columns = (found.numpy() for found in torch.nonzero(alike >= ALIKE, as_tuple=True))
        by_row = np.lexsort((-alike[rows, columns].numpy(), rows))
        rows, columns = rows[by_row], columns[by_row]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        order = np.argsort(rank, kind="stable")
        for start in range(0, len(order), PAIRS):
            part = order[start : start + PAIRS]
            yield rows[part] + within.start, columns[part] + left


def _place(one: Tensor, other: Tensor) -> tuple[np.ndarray, Tensor]:
    """Which of each pair shows more, bool [pairs]: the first? And where in it the other lies, float [pairs, 3]."""
    cuts, other_cuts = thumbnails(one), thumbnails(other)
    alike = torch.cat([(cuts * other_cuts[0]).sum(dim=2), (cuts[0] * other_cuts).sum(dim=2)])
    likeliest = alike.argmax(dim=0)
    return (likeliest < len(cuts)).numpy(), windows()[likeliest % len(cuts)]


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


def _compare(store: ImageStore, whole: np.ndarray, cut: np.ndarray, placed: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Which of the pairs show the same, and how their grey values correlate."""
    left, found = torch.arange(len(whole)), torch.zeros(0)
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
    small = torch.empty(len(places), REDUCED, REDUCED, dtype=torch.uint8)
    return reduced(
        store, places, small, lambda images: (255 * F.adaptive_avg_pool2d(images, REDUCED)[:, 0]).round().byte()
    )
