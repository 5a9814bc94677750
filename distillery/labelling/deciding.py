"""What becomes of a head's cells, and how far that is from becoming something else."""

from dataclasses import dataclass

import numpy as np

from distillery.heads import Classification, Head, Regression
from distillery.labelling.chances import as_chances

TINY = 1e-12


@dataclass(frozen=True)
class Decided:
    """The cells of one head: one of an image, of a detection one an element; none of numbers that nobody selects.

    Attributes:
        outcome: int64 [images, cells], 0: refused; of probabilities else the class decided for and 1, of numbers 1.
        margin: float [images, cells], how far what decides is from another outcome: the probability of that class, of
            numbers the logarithm of the predictive standard deviation over the largest that is kept.
    """

    outcome: np.ndarray
    margin: np.ndarray


@dataclass(frozen=True)
class Decider:
    """One head and where its selection cuts.

    What an ensemble is the mean of are *moments*, float64 [views, images, columns]: probabilities; of numbers the first
    and the second moment side by side.

    Attributes:
        around: the least confidence that is kept, of numbers the largest predictive standard deviation; None: nothing
            is refused.
    """

    head: Head
    around: float | None

    def moments(self, values: np.ndarray, own: np.ndarray | None) -> np.ndarray:
        """Of what the views say, float [views, images, names], and the variance of each answer's own distribution."""
        exact = values.astype(np.float64)
        if not isinstance(self.head, Regression):
            return exact
        return np.concatenate([exact, exact**2 + (0 if own is None else own)], axis=2)

    def estimate(self, seen: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The weighted mean of moments: float64 [images, columns]."""
        means = np.tensordot(weights, seen, axes=1)  # where a weight is negative they may leave their range
        if isinstance(self.head, Regression):
            first, second = np.split(means, 2, axis=1)
            return np.concatenate([first.clip(*self.head.range), second], axis=1)
        chances = means.clip(0, 1)
        return chances / chances.sum(axis=1, keepdims=True) if isinstance(self.head, Classification) else chances

    def decide(self, means: np.ndarray) -> Decided:
        """What selection by a threshold makes of means [images, columns]."""
        if isinstance(self.head, Regression):
            score = self._width(means)
            return Decided((score <= 0).astype(np.int64), np.abs(score))
        chances, least = as_chances(self.head, means), self.around or 0.0
        ordered = np.sort(chances, axis=2)
        surest, gap = ordered[..., -1], (ordered[..., -1] - ordered[..., -2]) / 2
        kept = surest >= least
        outcome = np.where(kept, chances.argmax(axis=2) + 1, 0)
        return Decided(outcome, np.where(kept, np.minimum(surest - least, gap), least - surest))

    def error(self, estimated: np.ndarray, exact: np.ndarray) -> np.ndarray:
        """How far off an estimate's score is: float [images, cells]; of the class that the estimate decides for."""
        if isinstance(self.head, Regression):
            return np.abs(self._width(estimated) - self._width(exact))
        return np.abs(self._chance(estimated, estimated) - self._chance(exact, estimated))

    def signs(self, seen: np.ndarray, estimated: np.ndarray) -> np.ndarray:
        """What an error may be told by: float [images, cells, 3], one, the score's spread over views, p (1 - p).

        Args:
            seen: moments.
            estimated: float [images, columns].
        """
        if isinstance(self.head, Regression):
            score = self._width(estimated)
            numbers = seen[:, :, : seen.shape[2] // 2].std(axis=0).max(axis=1, keepdims=True)
            spread = np.broadcast_to(numbers / (self.around or 1.0), score.shape)
            return np.stack([np.ones_like(score), spread, np.zeros_like(score)], axis=2)
        score = self._chance(estimated, estimated)
        spread = np.stack([self._chance(view, estimated) for view in seen]).std(axis=0)
        return np.stack([np.ones_like(score), spread, score * (1 - score)], axis=2)

    def _width(self, means: np.ndarray) -> np.ndarray:
        """Float [images, 1], or [images, 0] where no width is asked for."""
        if self.around is None:
            return np.zeros((len(means), 0))
        return np.log(np.sqrt(variance(means)) / self.around).max(axis=1, keepdims=True)

    def _chance(self, means: np.ndarray, deciding: np.ndarray) -> np.ndarray:
        """In some means, that of the class which others decide for: float [images, cells]."""
        decided = as_chances(self.head, deciding).argmax(axis=2)
        return np.take_along_axis(as_chances(self.head, means), decided[..., None], axis=2)[..., 0]


def variance(means: np.ndarray) -> np.ndarray:
    """Of the means of both moments, float [images, 2 * outputs]: float [images, outputs], above 0."""
    first, second = np.split(means, 2, axis=1)
    return np.maximum(second - first**2, TINY)
