"""A rising function of each class's probability (Zadrozny and Elkan, KDD 2002: one class against the rest)."""

import numpy as np

from distillery.labelling.calibration.labelled import Calibrate, Labelled
from distillery.labelling.chances import SMALL

FEWEST = 10  # cells of a class, and of all others, that a function of it needs


def isotonic(labelled: Labelled) -> Calibrate:
    """Each class's probability through the rising step function that is nearest to the labels, then made to sum to 1.

    Between two steps it is interpolated: equal labels would otherwise make ties of all that lies between.
    """
    _, groups, classes = labelled.found.shape
    curves = {
        (group, number): _rising(
            labelled.found[labelled.present[:, group], group, number],
            labelled.truth[labelled.present[:, group], group] == number,
        )
        for group in range(groups)
        for number in range(classes)
    }

    def calibrate(found: np.ndarray) -> np.ndarray:
        scores = np.empty(found.shape)
        for (group, number), (places, heights) in curves.items():
            scores[:, group, number] = np.interp(found[:, group, number], places, heights)
        scores = np.maximum(scores, SMALL)
        return (scores / scores.sum(axis=2, keepdims=True)).astype(np.float32)

    return calibrate


def _rising(found: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pool adjacent violators: the mean probability and the share that is right of each step."""
    if min(right.sum(), (~right).sum()) < FEWEST:  # too little is known of the class: it stays as it is
        return np.array([0.0, 1.0]), np.array([0.0, 1.0])
    values, place, count = np.unique(found, return_inverse=True, return_counts=True)
    total = np.bincount(place, weights=right)
    steps: list[list[float]] = []  # of each: cells, sum of probabilities, sum of right ones
    for step in zip(count.tolist(), (count * values).tolist(), total.tolist(), strict=True):
        steps.append(list(step))
        while len(steps) > 1 and steps[-2][2] * steps[-1][0] >= steps[-1][2] * steps[-2][0]:
            last = steps.pop()
            steps[-1] = [one + other for one, other in zip(steps[-1], last, strict=True)]
    cells, places, heights = np.array(steps).T
    return places / cells, heights / cells
