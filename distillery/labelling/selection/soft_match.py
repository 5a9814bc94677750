"""Every cell, by how sure it is (SoftMatch, Chen et al., ICLR 2023, eq. 7)."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from distillery.labelling.selection.counting import sum_over
from distillery.labelling.selection.evidence import Evidence, Weigh

SPREAD = 4.0  # variances to the sides, the paper's n_sigma = 2 squared


def soft_match(parts: Iterable[Evidence]) -> Weigh:
    """Weight ``exp(-min(p_max - mu, 0)^2 / (2 var / 4))``, mu and var of p_max over all cells."""

    def add(cells: Evidence) -> np.ndarray:
        sure, kept = cells.confidence.astype(np.float64), cells.kept
        return np.stack([kept.sum(axis=0), (sure * kept).sum(axis=0), (sure**2 * kept).sum(axis=0)])

    total = sum_over(parts, add)
    count = np.maximum(total[0], 1)
    mean = total[1] / count
    variance = np.maximum(total[2] / count - mean**2, np.finfo(np.float32).tiny)

    def weigh(cells: Evidence) -> Evidence:
        below = np.minimum(cells.confidence - mean, 0)
        weight = np.exp(-(below**2) / (2 * variance / SPREAD))
        return replace(cells, weight=(cells.weight * weight).astype(np.float32))

    return weigh
