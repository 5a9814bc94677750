"""Take back what the network says of a class too often (DebiasPL, Wang et al., CVPR 2022, eq. 4)."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from distillery.labelling.chances import as_values, softmax
from distillery.labelling.selection.counting import sum_over
from distillery.labelling.selection.evidence import Evidence, Weigh

SMALL = np.finfo(np.float32).tiny


def debiased(parts: Iterable[Evidence], *, strength: float) -> Weigh:
    """``softmax(log p - strength log pbar)``, pbar = the mean probability of each class; other rules come after it.

    Args:
        strength: the paper's lambda, 0.4 there.
    """

    def add(cells: Evidence) -> np.ndarray:
        kept = cells.kept[..., None]
        return (cells.chances * kept).sum(axis=0, dtype=np.float64)

    total = sum_over(parts, add)
    mean = total / np.maximum(total.sum(axis=1, keepdims=True), SMALL)
    bias = strength * np.log(np.maximum(mean, SMALL))

    def weigh(cells: Evidence) -> Evidence:
        chances = softmax(np.log(np.maximum(cells.chances, SMALL)) - bias)
        return replace(cells, values=as_values(cells.head, chances).astype(np.float32))

    return weigh
