"""Pseudo-labels as frequent, class by class, as labels are (data distillation, Radosavovic et al., CVPR 2018, 3.3)."""

from collections.abc import Iterable

import numpy as np

from distillery.labelling.selection.counting import edge, histogram
from distillery.labelling.selection.evidence import Evidence, Weigh
from distillery.labelling.selection.threshold import keep_from


def rate_matched(parts: Iterable[Evidence], *, frequency: np.ndarray) -> Weigh:
    """The most confident of each class, as many as can be while their frequencies are those of the labels.

    The paper counts objects in an image; for one class an image, this is what its rule comes to. A class that is never
    decided for has no say, or nothing would be kept; one that is decided for once holds all others back.

    Args:
        frequency: of each class among the labels, float [groups, classes], each group sums to 1.
    """
    counts = histogram(parts)
    found = counts.sum(axis=2)
    present = (found > 0) & (frequency > 0)
    most = np.where(present, found / np.where(present, frequency, 1), np.inf).min(axis=1, keepdims=True)
    least = edge(counts, np.where(np.isfinite(most), most, 0) * frequency)
    return lambda cells: keep_from(cells, least)
