"""Sums over cells in parts, class by class: memory does not grow with the cells."""

from collections.abc import Callable, Iterable
from functools import reduce

import numpy as np

from distillery.labelling.selection.evidence import Evidence

BINS = 1 << 14  # of probability: as fine as a threshold from a histogram can be


def count_by_class(cells: Evidence, where: np.ndarray) -> np.ndarray:
    """How many cells decide for each class: int64 [groups, classes].

    Args:
        where: bool [cells, groups], those that count.
    """
    _, groups, classes = cells.chances.shape
    code = cells.decided + np.arange(groups) * classes
    return np.bincount(code[where], minlength=groups * classes).reshape(groups, classes)


def histogram(parts: Iterable[Evidence]) -> np.ndarray:
    """Kept cells by decided class and confidence: int64 [groups, classes, BINS]."""
    return sum_over(parts, lambda cells: _binned(cells, cells.confidence, cells.kept))


def spread_histogram(parts: Iterable[Evidence]) -> np.ndarray:
    """Kept cells by decided class and how well the views agree, 1 - spread: int64 [groups, classes, BINS]."""
    return sum_over(parts, lambda cells: _binned(cells, 1 - decided_spread(cells), cells.kept))


def decided_spread(cells: Evidence) -> np.ndarray:
    """Standard deviation across views of the class that is decided for: float32 [cells, groups]."""
    if cells.chances.shape[1] == 1:
        return np.take_along_axis(cells.spread, cells.decided, axis=1)
    return cells.spread


def edge(counts: np.ndarray, most: np.ndarray) -> np.ndarray:
    """The confidence from which on there are as many cells as wanted, its whole bin included; float [groups, classes].

    Infinite where none is wanted. Cells that are equally sure are kept or refused together.

    Args:
        counts: int64 [groups, classes, BINS].
        most: float [groups, classes], cells wanted.
    """
    above = counts[..., ::-1].cumsum(axis=2)
    wanted = np.minimum(np.floor(most + 1e-9), above[..., -1])
    reached = (above >= wanted[..., None]).argmax(axis=2)
    return np.where(wanted > 0, (BINS - 1 - reached) / BINS, np.inf)


def sum_over(parts: Iterable[Evidence], of: Callable[[Evidence], np.ndarray]) -> np.ndarray:
    """The sum of a function of each part; there is at least one."""
    return reduce(np.add, map(of, parts))


def _binned(cells: Evidence, sureness: np.ndarray, where: np.ndarray) -> np.ndarray:
    _, groups, classes = cells.chances.shape
    place = np.minimum((sureness * BINS).astype(np.int64), BINS - 1)
    code = (cells.decided + np.arange(groups) * classes) * BINS + place
    return np.bincount(code[where], minlength=groups * classes * BINS).reshape(groups, classes, BINS)
