"""Thresholds from the predictions themselves (FreeMatch, Wang et al., ICLR 2023, eq. 5 to 8)."""

from collections.abc import Iterable

import numpy as np

from distillery.labelling.selection.counting import sum_over
from distillery.labelling.selection.evidence import Evidence, Weigh
from distillery.labelling.selection.threshold import keep_from


def free_match(parts: Iterable[Evidence]) -> Weigh:
    """``tau_c = tau pbar_c / max pbar``, tau = mean p_max, pbar = the mean probability of each class.

    The paper averages over training steps; here all cells are there at once and are averaged over.
    """

    def add(cells: Evidence) -> np.ndarray:
        kept = cells.kept[..., None]
        sums = (cells.chances * kept).sum(axis=0, dtype=np.float64)
        sure = (cells.confidence[..., None] * kept).sum(axis=0, dtype=np.float64)
        return np.concatenate([kept.sum(axis=0), sure, sums], axis=1)

    total = sum_over(parts, add)
    count = np.maximum(total[:, :1], 1)
    overall, mean = total[:, 1:2] / count, total[:, 2:] / count
    thresholds = overall * mean / np.maximum(mean.max(axis=1, keepdims=True), np.finfo(float).tiny)
    return lambda cells: keep_from(cells, thresholds)
