"""How far probabilities are from what they say, and numbers from their width."""

from math import erf, pi, sqrt

import numpy as np

from distillery.labelling.calibration.labelled import Labelled, true_chance
from distillery.labelling.chances import SMALL, log_chances

BINS = 15
LEVELS = (0.5, 0.8, 0.9, 0.95)


def measure(labelled: Labelled) -> dict[str, float]:
    """``error`` (from 0, best), ``nll`` and, of classes, ``brier``; of numbers ``coverage_90``.

    Of classes the error is the expected calibration error (Guo et al., ICML 2017, eq. 3) in bins of equal count, of
    numbers the mean distance of an interval's coverage from its level.
    """
    if labelled.found.ndim == 2:
        return _measure_numbers(labelled)
    right, confidence = decisions(labelled)
    chance = true_chance(labelled.found, labelled.truth)[labelled.present]
    hot = np.eye(labelled.found.shape[2])[labelled.truth]
    brier = ((labelled.found - hot) ** 2).sum(axis=2)[labelled.present]
    return {
        "error": expected_error(confidence, right),
        "nll": float(-log_chances(chance).mean()),
        "brier": float(brier.mean()),
    }


def decisions(labelled: Labelled) -> tuple[np.ndarray, np.ndarray]:
    """Of each cell whose truth is known whether it is right, and its confidence: both [known cells]."""
    right = labelled.found.argmax(axis=2) == labelled.truth
    return right[labelled.present], labelled.found.max(axis=2)[labelled.present]


def bins(confidence: np.ndarray, right: np.ndarray) -> list[tuple[float, float, int]]:
    """Mean confidence, share that is right and number of each of at most 15 bins of equal count."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [(float(confidence[part].mean()), float(right[part].mean()), len(part)) for part in parts]


def expected_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """``sum_bins share |accuracy - confidence|``."""
    return sum(count * abs(sure - true) for sure, true, count in bins(confidence, right)) / max(1, len(right))


def _measure_numbers(labelled: Labelled) -> dict[str, float]:
    deviation = np.maximum(labelled.found, SMALL)[labelled.present]
    distance = np.abs(labelled.truth[labelled.present]) / deviation
    covered = {level: float((distance <= _quantile(level)).mean()) for level in LEVELS}
    return {
        "error": float(np.mean([abs(share - level) for level, share in covered.items()])),
        "nll": float((np.log(deviation) + distance**2 / 2 + np.log(2 * pi) / 2).mean()),
        "coverage_90": covered[0.9],
    }


def _quantile(level: float) -> float:
    """How many standard deviations to both sides hold a share of a normal distribution; by halving."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if erf(middle / sqrt(2)) < level else (low, middle)
    return low
