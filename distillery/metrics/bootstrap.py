"""Percentile bootstrap intervals (Efron, Tibshirani 1993, chapter 13), resampling people rather than their images."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

LEAST_DEFINED = 0.5  # of the draws


def draw(
    score: Callable[[Tensor], dict[str, float]],
    units: Sequence[str],
    *,
    resamples: int,
    seed: int,
    among: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """Each metric of all rows in so many draws, float64 [resamples]; NaN where it is undefined.

    Images of one person are not independent, so whole units are drawn, with replacement. The same units and seed draw
    the same: two networks' values of one draw are a pair, and so are two heads' if both are drawn among the same.

    Args:
        score: metrics of a choice of rows, int64 [rows], which may repeat.
        units: the person, or else the image, of each row.
        resamples: how many are drawn.
        seed: of the draws.
        among: the units that are drawn, where some have no row; none: those of the rows.
    """
    everyone = np.unique(np.asarray(units if among is None else among))
    member = np.searchsorted(everyone, np.asarray(units))
    order = np.argsort(member, kind="stable")
    sizes = np.bincount(member, minlength=len(everyone))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    generator = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {metric: [] for metric in score(torch.arange(len(member)))}
    for _ in range(resamples):
        drawn = generator.integers(0, len(sizes), len(sizes))
        rows = np.concatenate([order[starts[unit] : starts[unit] + sizes[unit]] for unit in drawn])
        found = score(torch.from_numpy(rows)) if len(rows) else {}
        for metric, values in draws.items():
            values.append(found.get(metric, math.nan))
    return {metric: np.array(values) for metric, values in draws.items()}


def interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentiles, at for instance 0.95, of what is defined: a draw may have lost a class, or all that was kept.

    Where fewer than half of the draws are, or those that are say the same, they are no picture of all, and neither edge
    is a number: of three people, one of each class, all that is defined is the same three again.
    """
    defined = values[~np.isnan(values)]
    few = len(defined) < max(1, LEAST_DEFINED * len(values))
    if few or (len(defined) < len(values) and np.ptp(defined) == 0):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2 * 100
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)


def interval_over_seeds(
    points: np.ndarray, draws: np.ndarray, *, resamples: int, confidence: float, seed: int
) -> tuple[float, float]:
    """Of a mean over seeds: what other seeds would give by Student's t, and people drawn beside it.

    Seeds are too few to be drawn with replacement: of three, intervals of 95 % so made hold the truth in 75 % of cases
    if people add nothing. All seeds are tested on the same people, so that what depends on them does not average out
    over seeds: it is taken from the draws of one seed. Of one seed nothing is known of others.

    Args:
        points: float [seeds], on all people.
        draws: float [seeds, draws], as ``draw`` makes them of people.
        resamples: how many means are drawn.
        confidence: as above.
        seed: of what is drawn here.
    """
    generator = np.random.default_rng(seed)
    seeds, count = draws.shape
    means = np.full(resamples, points.mean())
    if seeds > 1:
        means += points.std(ddof=1) / math.sqrt(seeds) * generator.standard_t(seeds - 1, resamples)
    people = draws - np.nanmean(draws, axis=1, keepdims=True)
    return interval(
        means + people[generator.integers(0, seeds, resamples), generator.integers(0, count, resamples)], confidence
    )
