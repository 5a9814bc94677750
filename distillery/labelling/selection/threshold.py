"""Fixed threshold (FixMatch, Sohn et al., NeurIPS 2020): keep what is sure enough."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from distillery.labelling.selection.evidence import Evidence, Weigh


def threshold(_: Iterable[Evidence], *, least: float) -> Weigh:
    """``p_max >= tau``; of a detection, by element, for sure yes and sure no."""
    return lambda cells: keep_from(cells, least)


def keep_from(cells: Evidence, least: np.ndarray | float) -> Evidence:
    """Refuse what is less sure than a threshold: one for all, or float [groups, classes] by the class decided for."""
    needed = np.asarray(least, dtype=np.float32)
    if needed.ndim:
        needed = by_decision(needed, cells)
    return replace(cells, weight=cells.weight * (cells.confidence >= needed))


def by_decision(values: np.ndarray, cells: Evidence) -> np.ndarray:
    """Of values [groups, classes] that of the class which each cell decides for: [cells, groups]."""
    return np.take_along_axis(values[None], cells.decided[..., None], axis=2)[..., 0]
