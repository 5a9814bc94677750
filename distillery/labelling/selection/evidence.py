"""What is known of one head's predicted cells, and what rules make of it; numbers of classes and of elements alike."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from distillery.heads import Head
from distillery.labelling.chances import as_chances, over_classes


@dataclass(frozen=True)
class Evidence:
    """Cells of one head. A classification is one group of classes, each element of a detection a group of two: on, off.

    Attributes:
        head: whose cells they are.
        values: float32 [cells, names], the ensemble's mean, calibrated.
        spread: float32 [cells, names], standard deviation across views.
        width: float32 [cells, outputs], the predictive standard deviation, calibrated; None but for regression.
        weight: float32 [cells, groups], what rules have left so far; 0 refuses.
        negative: bool [cells, classes], classes that a cell is surely not of; None: none is known.
    """

    head: Head
    values: np.ndarray
    spread: np.ndarray
    width: np.ndarray | None
    weight: np.ndarray
    negative: np.ndarray | None = None

    @cached_property
    def chances(self) -> np.ndarray:
        """Probability of each class: float32 [cells, groups, classes]."""
        return as_chances(self.head, self.values)

    @cached_property
    def confidence(self) -> np.ndarray:
        """Of the class that is decided for: float32 [cells, groups]."""
        return over_classes(np.maximum, self.chances)

    @cached_property
    def decided(self) -> np.ndarray:
        """The most probable class: int64 [cells, groups]."""
        return self.chances.argmax(axis=2)

    @property
    def kept(self) -> np.ndarray:
        """What no rule has refused: bool [cells, groups]."""
        return self.weight > 0


Weigh = Callable[[Evidence], Evidence]
"""A rule that knows all that it has to: what is left of some cells."""
Rule = Callable[[Iterable[Evidence]], Weigh]
"""A rule before it has seen the cells that it is to be applied to, in parts."""


def fit_rules(rules: Sequence[Rule], parts: Callable[[], Iterable[Evidence]]) -> list[Weigh]:
    """Let each rule see what the rules before it leave.

    Args:
        parts: all cells, at least one part, of which one is in memory at a time; called once for a rule.
    """
    fitted: list[Weigh] = []
    for rule in rules:
        before = tuple(fitted)
        fitted.append(rule(apply_rules(before, part) for part in parts()))
    return fitted


def apply_rules(fitted: Iterable[Weigh], cells: Evidence) -> Evidence:
    """What is left of some cells after one rule after another."""
    return reduce(lambda left, weigh: weigh(left), fitted, cells)
