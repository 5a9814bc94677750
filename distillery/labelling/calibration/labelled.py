"""What a calibration learns from, and what it is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Calibrate = Callable[[np.ndarray], np.ndarray]
"""Probabilities [cells, groups, classes], or the predictive standard deviation of numbers [cells, outputs], to better
ones of the same shape; float32."""


@dataclass(frozen=True)
class Labelled:
    """Predicted cells of one head whose truth is known, in float64.

    Attributes:
        found: [cells, groups, classes] probabilities; of numbers [cells, outputs] their standard deviation.
        truth: int64 [cells, groups] the class; of numbers float [cells, outputs] how far off they are.
        present: bool [cells, groups] ([cells, outputs]), whether the truth is known.
        people: int64 [cells], a number for each person: nobody is on both sides when a calibration is tested.
        domains: [cells].
    """

    found: np.ndarray
    truth: np.ndarray
    present: np.ndarray
    people: np.ndarray
    domains: np.ndarray

    def where(self, cells: np.ndarray) -> "Labelled":
        """Some of the cells."""
        return Labelled(*(value[cells] for value in vars(self).values()))

    def __len__(self) -> int:
        return len(self.found)


def true_chance(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The probability of the true class: [cells, groups]."""
    return np.take_along_axis(found, truth[..., None], axis=2)[..., 0]
