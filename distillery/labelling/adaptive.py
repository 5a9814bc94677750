"""The ensemble with as many views as an image needs: a view at a time, over the images that are not done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import torch

from distillery.heads import Heads, Regression, names
from distillery.labelling.deciding import Decider, variance
from distillery.labelling.ensemble import agreement
from distillery.labelling.found import Columns, Found, stack
from distillery.labelling.predictor import Predictor
from distillery.labelling.stopping import FEWEST, Moments, Stopping, expected_changes, fit_stopping
from distillery.labelling.views import View
from distillery.tables import even_steps


@dataclass(frozen=True, kw_only=True)
class Adaptive:
    """How views are saved.

    Attributes:
        same: the share of empty cells that have to become what they become with all views.
        pilot: images that all views see, by which it is learnt when to stop.
        around: by head, where its selection cuts; see ``Decider``.
    """

    same: float
    pilot: int
    around: Mapping[str, float]

    def pilot_of(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Rows at even steps."""
        return wanted[even_steps(len(wanted), self.pilot)]


FEW = 8  # images of which a pilot tells nothing


class AdaptivePredictor:
    """Predicts with the views that each image needs.

    Args:
        predictor: runs the network.
        views: all of them, more than ``FEWEST``.
        pilot: column ``image`` and, by head, whether its cell is empty; at least two rows.
    """

    def __init__(
        self, predictor: Predictor, heads: Heads, views: Sequence[View], how: Adaptive, pilot: pl.DataFrame
    ) -> None:
        self._predictor, self._heads, self._views, self._how, self._pilot = predictor, heads, views, how, pilot
        self._deciders = {name: Decider(head, how.around.get(name)) for name, head in heads.items()}

    @cached_property
    def stopping(self) -> Stopping:
        """The rule; to learn it the pilot is predicted by all views."""
        return fit_stopping(self._deciders, self._piloted, _empty(self._pilot, self._heads), self._how.same)

    def predict(self, rows: pl.DataFrame) -> Found:
        """Rows as ``pilot``, whose images are not predicted again."""
        images, empty = rows["image"], _empty(rows, self._heads)
        order = list(self.stopping.order)
        places = images.replace_strict(self._pilot["image"], np.arange(len(self._pilot)), default=-1).to_numpy()
        known, going = np.flatnonzero(places >= 0), np.flatnonzero(places < 0)
        rank, counts = [known], np.full(len(rows), len(order), dtype=np.int16)
        parts = [self._columns({name: values[order][:, places[known]] for name, values in self._piloted.items()})]
        seen: Moments = {}
        for count in range(FEWEST, len(order) + 1):
            if not len(going):
                break
            next_ones = order[count - 1 if seen else 0 : count]
            new = self._moments(images[going], [self._views[place] for place in next_ones])
            seen = {name: np.concatenate([seen[name], values]) for name, values in new.items()} if seen else new
            done = np.ones(len(going), dtype=bool)
            if count < len(order):
                cells = {name: values[going] for name, values in empty.items()}
                left = expected_changes(self._deciders, self.stopping.after(count), seen, cells)
                done = left <= self.stopping.bound
            counts[going[done]] = count
            parts.append(self._columns({name: values[:, done] for name, values in seen.items()}))
            rank.append(going[done])
            going, seen = going[~done], {name: values[:, ~done] for name, values in seen.items()}
        return Found(stack(parts, np.argsort(np.concatenate(rank))), counts, self.stopping.in_words())

    @cached_property
    def _piloted(self) -> dict[str, np.ndarray]:
        return self._moments(self._pilot["image"], self._views)

    def _moments(self, images: pl.Series, views: Sequence[View]) -> dict[str, np.ndarray]:
        found = self._predictor.answer_all(images, views)
        return {name: decider.moments(*found[name].numpy()) for name, decider in self._deciders.items()}

    def _columns(self, seen: Moments) -> Columns:
        """What is known of images that are done."""
        found: dict[str, dict[str, np.ndarray]] = {}
        for name, decider in self._deciders.items():
            count, head = len(seen[name]), self._heads[name]
            last = count == len(self._views)
            weights = np.full(count, 1 / count) if last else self.stopping.after(count)[name].weights
            means = decider.estimate(seen[name], weights)
            values = seen[name][:, :, : len(names(head))]
            found[name] = {"mean": means[:, : len(names(head))], "std": values.std(axis=0)}
            if isinstance(head, Regression):
                found[name]["variance"] = variance(means)
            agreed = agreement(head, torch.from_numpy(values), torch.from_numpy(means))
            found[name] |= {} if agreed is None else {"agreement": agreed.numpy()}
        return found


def _empty(rows: pl.DataFrame, heads: Heads) -> dict[str, np.ndarray]:
    return {name: rows[name].to_numpy() for name in heads}
