"""When an image has been seen by enough views: more would hardly change what becomes of it. The rule is our own.

A pilot of images that all views see shows in which order views come nearest to the mean over all, by which combination
of those seen, how far off it still is, and so how likely each cell is to become another pseudo-label. An image is done
once it is expected to lose no more than ``bound`` cells; the bound is the largest at which each half of the pilot, by
what the other half shows, keeps the share of cells that is asked for, and would without luck.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from distillery.labelling.deciding import Decider

Deciders = Mapping[str, Decider]
Moments = Mapping[str, np.ndarray]  # by head, float64 [views, images, columns]
Wanted = Mapping[str, np.ndarray]  # by head, bool [images]: the cell is empty
FEWEST = 2  # views: one has no spread
RIDGE = 1e-6  # of the mean square of a view's error: views that say the same have no best combination
LEAST = 0.3  # of the median error: no cell is known better
LUCK = 2  # standard deviations of a count, by which the pilot's may be too small
QUANTILES = np.linspace(0, 1, 1001)
BOUNDS = np.geomspace(1e-3, 10, 80)  # cells of an image


@dataclass(frozen=True)
class Known:
    """Of one head, after some views.

    Attributes:
        weights: float [views], sum 1: how those seen are combined.
        size: float [3], of an error by its ``signs``; ``least``: the smallest.
        ratios: float, the ``QUANTILES`` of errors over their sizes.
    """

    weights: np.ndarray
    size: np.ndarray
    least: float
    ratios: np.ndarray


@dataclass(frozen=True)
class Stopping:
    """The rule.

    Attributes:
        order: places of the views.
        known: by head, what is known after ``FEWEST`` views, after one more, and so on to all but one.
        bound: cells that an image may be expected to lose.
    """

    order: Sequence[int]
    known: Mapping[str, Sequence[Known]]
    bound: float

    def after(self, views: int) -> dict[str, Known]:
        """By head, what is known when so many views of the order are seen."""
        return {name: known[views - FEWEST] for name, known in self.known.items()}

    def in_words(self) -> str:
        """For instance ``views 4 0 2 in this order, until an image is expected to lose 0.05 of its cells``."""
        order = " ".join(map(str, self.order))
        return f"views {order} in this order, until an image is expected to lose {self.bound:.3g} of its cells"


def fit_stopping(deciders: Deciders, pilot: Moments, wanted: Wanted, same: float) -> Stopping:
    """Learn the rule.

    Args:
        pilot: of all views, more than ``FEWEST``, and of at least two images.
        same: the share of empty cells that have to become what they become with all views, at least.
    """
    half = np.arange(next(iter(pilot.values())).shape[1]) % 2 == 0
    lost, cells = np.zeros(len(BOUNDS)), 0
    for learnt, tested in ((half, ~half), (~half, half)):
        order, known = _learn(deciders, {name: values[:, learnt] for name, values in pilot.items()})
        rest = {name: values[:, tested] for name, values in pilot.items()}
        empty = {name: values[tested] for name, values in wanted.items()}
        lost += _lost(deciders, Stopping(order, known, 0), rest, empty)
        cells += sum(
            int(empty[name].sum()) * decider.decide(rest[name][0]).outcome.shape[1]
            for name, decider in deciders.items()
        )
    worst = lost + LUCK * np.sqrt(lost + 1)
    allowed = np.maximum.accumulate(worst) <= (1 - same) * cells
    return Stopping(*_learn(deciders, pilot), float(BOUNDS[allowed][-1]) if allowed.any() else 0.0)


def expected_changes(deciders: Deciders, known: Mapping[str, Known], seen: Moments, wanted: Wanted) -> np.ndarray:
    """How many cells of each image the views to come may be expected to change: float [images]."""
    total = np.zeros(next(iter(seen.values())).shape[1])
    for name, decider in deciders.items():
        means = decider.estimate(seen[name], known[name].weights)
        size = np.maximum(decider.signs(seen[name], means) @ known[name].size, known[name].least)
        beyond = 1 - np.searchsorted(known[name].ratios, decider.decide(means).margin / size) / len(QUANTILES)
        total += beyond.sum(axis=1) / 2 * wanted[name]  # half of all errors lead away from the other outcome
    return total


def _learn(deciders: Deciders, pilot: Moments) -> tuple[list[int], dict[str, list[Known]]]:
    errors = {name: _view_errors(values) for name, values in pilot.items()}
    views, order = len(next(iter(pilot.values()))), list[int]()
    while len(order) < views:
        rest = [view for view in range(views) if view not in order]
        order.append(min(rest, key=lambda view: sum(_left(each, [*order, view]) for each in errors.values())))
    return order, {
        name: [
            _know(decider, pilot[name][order[:count]], _combination(errors[name], order[:count]), pilot[name])
            for count in range(FEWEST, views)
        ]
        for name, decider in deciders.items()
    }


def _know(decider: Decider, seen: np.ndarray, weights: np.ndarray, every: np.ndarray) -> Known:
    means = decider.estimate(seen, weights)
    signs, off = decider.signs(seen, means).reshape(-1, 3), decider.error(means, every.mean(axis=0)).ravel()
    if not off.size:
        return Known(weights, np.zeros(3), 1.0, np.zeros(len(QUANTILES)))
    size, least = np.linalg.lstsq(signs, off, rcond=None)[0], LEAST * float(np.median(off)) + 1e-9
    return Known(weights, size, least, np.quantile(off / np.maximum(signs @ size, least), QUANTILES))


def _view_errors(values: np.ndarray) -> np.ndarray:
    """Mean products of the views' deviations from the mean over all, every column in its own unit: [views, views]."""
    away = (values - values.mean(axis=0)) / np.maximum(values.std(axis=(0, 1)), 1e-9)
    products = np.tensordot(away, away, axes=((1, 2), (1, 2))) / away[0].size
    return products + np.eye(len(values)) * (RIDGE * products.trace() / len(values) + 1e-12)


def _combination(errors: np.ndarray, views: Sequence[int]) -> np.ndarray:
    """Weights of least squared error of those that sum to 1: ``E^-1 1 / 1' E^-1 1`` (Bates and Granger, 1969)."""
    found = np.linalg.solve(errors[np.ix_(views, views)], np.ones(len(views)))
    return found / found.sum()


def _left(errors: np.ndarray, views: Sequence[int]) -> float:
    """The squared error of the best combination, over that of all single views."""
    weights = _combination(errors, views)
    return float(weights @ errors[np.ix_(views, views)] @ weights / errors.trace())


def _lost(deciders: Deciders, rule: Stopping, pilot: Moments, wanted: Wanted) -> np.ndarray:
    """For each of ``BOUNDS``, how many cells become something else than with all views."""
    lost, going = np.zeros(len(BOUNDS)), np.ones((len(BOUNDS), next(iter(pilot.values())).shape[1]), dtype=bool)
    for expected, changed in _outcomes(deciders, rule, pilot, wanted):
        done = going & (expected <= BOUNDS[:, None])
        lost += done @ changed
        going &= ~done
    return lost


def _outcomes(
    deciders: Deciders, rule: Stopping, pilot: Moments, wanted: Wanted
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """After each number of views, by image: cells expected to change, and cells that do."""
    final = {name: decider.decide(pilot[name].mean(axis=0)).outcome for name, decider in deciders.items()}
    for count in range(FEWEST, len(rule.order)):
        known, seen = rule.after(count), {name: values[rule.order[:count]] for name, values in pilot.items()}
        changed = np.zeros(len(next(iter(wanted.values()))))
        for name, decider in deciders.items():
            now = decider.decide(decider.estimate(seen[name], known[name].weights)).outcome
            changed += (now != final[name]).sum(axis=1) * wanted[name]
        yield expected_changes(deciders, known, seen, wanted), changed
