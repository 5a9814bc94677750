"""Percentile bootstrap intervals (Efron, Tibshirani 1993, chapter 13), resampling people rather than their images."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def draw(
    score: Callable[[Tensor], dict[str, float]], units: Sequence[str], *, resamples: int, seed: int
) -> dict[str, np.ndarray]:
    """Each metric of so many draws, float64 [resamples]; NaN where it is undefined.

    Images of one person are not independent, so whole units are drawn, with replacement. The same units and seed draw
    the same: two networks' values of one draw are a pair.

    Args:
        score: metrics of a choice of rows, int64 [rows], which may repeat.
        units: the person, or else the image, of each row.
        resamples: how many are drawn.
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
    return {metric: np.array(values) for metric, values in draws.items()}


def interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentiles, at for instance 0.95, of what is defined: a draw may hold no positive, or nothing that was kept."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2 * 100
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)


def interval_over_seeds(
    points: np.ndarray, draws: np.ndarray, *, resamples: int, confidence: float, seed: int
) -> tuple[float, float]:
    """Of a mean over seeds: seeds are drawn with replacement, and people beside them.

    All seeds are tested on the same people, so that what depends on them does not average out over seeds: it is taken
    from the draws of one seed. A few seeds say little of how far others would be: among three drawn with replacement
    they spread by two thirds of their variance.

    Args:
        points: float [seeds], on all people.
        draws: float [seeds, draws], as ``draw`` makes them of people.
        resamples: how many means are drawn.
        confidence: as above.
        seed: of the choice.
    """
    generator = np.random.default_rng(seed)
    seeds, count = draws.shape
    means = points[generator.integers(0, seeds, (resamples, seeds))].mean(axis=1)
    people = draws - np.nanmean(draws, axis=1, keepdims=True)
    return interval(
        means + people[generator.integers(0, seeds, resamples), generator.integers(0, count, resamples)], confidence
    )
