"""Take back what the network says of a class too often (DebiasPL, Wang et al., CVPR 2022, eq. 4)."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from distillery.labelling.chances import SMALL, as_values, log_chances, softmax
from distillery.labelling.selection.counting import sum_over
from distillery.labelling.selection.evidence import Evidence, Weigh


def debiased(parts: Iterable[Evidence], *, strength: float) -> Weigh:
    """``softmax(log p - strength log pbar)``, pbar = the mean probability of each class; other rules come after it.

    Args:
        strength: the paper's lambda, 0.4 there.
    """

    def add(cells: Evidence) -> np.ndarray:
        kept = cells.kept[..., None]
        return (cells.chances * kept).sum(axis=0, dtype=np.float64)

    total = sum_over(parts, add)
    bias = strength * log_chances(total / np.maximum(total.sum(axis=1, keepdims=True), SMALL))

    def weigh(cells: Evidence) -> Evidence:
        chances = softmax(log_chances(cells.chances) - bias)
        return replace(cells, values=as_values(cells.head, chances).astype(np.float32))

    return weigh
