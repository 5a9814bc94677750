"""The most confident of each class, as many as the labels foretell (NoisyStudent, Xie et al., CVPR 2020, section 3)."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from distillery.labelling.selection.counting import edge, histogram
from distillery.labelling.selection.evidence import Evidence, Weigh
from distillery.labelling.selection.threshold import by_decision, keep_from


def top_k(parts: Iterable[Evidence], *, share: float, frequency: np.ndarray, repeat: float) -> Weigh:
    """Keep a share of all cells, class c its frequency of them; a class that is too rare for that counts more.

    Xie et al. duplicate the images of a rare class; here they weigh as much more, which is the same in the mean.

    Args:
        share: of the cells that rules before left.
        frequency: of each class among the labels, float [groups, classes], each group sums to 1.
        repeat: the largest weight of a cell.
    """
    counts = histogram(parts)
    found = counts.sum(axis=2)
    wanted = share * found.sum(axis=1, keepdims=True) * frequency
    least = edge(counts, wanted)
    weight = np.clip(wanted / np.maximum(found, 1), 1, repeat)

    def weigh(cells: Evidence) -> Evidence:
        kept = keep_from(cells, least)
        more = by_decision(weight, cells)
        return replace(kept, weight=(kept.weight * more).astype(np.float32))

    return weigh
