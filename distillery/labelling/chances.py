"""Probabilities as [cells, groups, classes]: a classification is one group, a detection one of on, off an element."""

from functools import reduce

import numpy as np

from distillery.heads import Classification, Detection, Head

FEW = 32  # classes
SMALL = 1e-7  # the least probability that has a logarithm here


def as_chances(head: Head, values: np.ndarray) -> np.ndarray:
    """Values [cells, names] as probabilities [cells, groups, classes]."""
    match head:
        case Classification():
            return values[:, None, :]
        case Detection():
            return np.stack([values, 1 - values], axis=2)
        case _:
            raise ValueError("numbers have no classes")


def as_values(head: Head, chances: np.ndarray) -> np.ndarray:
    """The inverse of ``as_chances``."""
    return chances[:, 0, :] if isinstance(head, Classification) else chances[:, :, 0]


def log_chances(chances: np.ndarray) -> np.ndarray:
    """An ensemble has no logits but these."""
    return np.log(np.maximum(chances, SMALL))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the classes of each group."""
    scores = np.exp(logits - over_classes(np.maximum, logits)[..., None])
    return scores / over_classes(np.add, scores)[..., None]


def over_classes(of: np.ufunc, values: np.ndarray) -> np.ndarray:
    """``of.reduce`` over the last axis; class by class where they are few, for numpy is slow along a short axis."""
    if values.shape[-1] > FEW:
        return of.reduce(values, axis=-1)
    return reduce(of, np.moveaxis(values, -1, 0))
