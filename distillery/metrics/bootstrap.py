"""Percentile bootstrap intervals (Efron, Tibshirani 1993, chapter 13), resampling people rather than their images."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def bootstrap(
    score: Callable[[Tensor], dict[str, float]], units: Sequence[str], *, resamples: int, confidence: float, seed: int
) -> dict[str, tuple[float, float]]:
    """The interval of each metric.

    Images of one person are not independent, so whole units are drawn, with replacement.

    Args:
        score: metrics of a choice of rows, int64 [rows], which may repeat.
        units: the person, or else the image, of each row.
        resamples: how many are drawn.
        confidence: of the interval, for instance 0.95.
        seed: of the draws.
    """
    _, member = np.unique(np.asarray(units), return_inverse=True)
    order = np.argsort(member, kind="stable")
    sizes = np.bincount(member)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    generator = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {}
    for _ in range(resamples):
        drawn = generator.integers(0, len(sizes), len(sizes))
        rows = np.concatenate([order[starts[unit] : starts[unit] + sizes[unit]] for unit in drawn])
        for metric, value in score(torch.from_numpy(rows)).items():
            draws.setdefault(metric, []).append(value)
    return {metric: _edges(np.array(values), confidence) for metric, values in draws.items()}


def _edges(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentiles of what is defined: a draw may hold no positive, or nothing that was kept."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2 * 100
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)
