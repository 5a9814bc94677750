"""Networks of the study compared: the same people drawn for both, seeds drawn too."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import polars as pl

from distillery.metrics.bootstrap import interval_over_seeds
from distillery.params import TEACHER
from distillery.params.study import HEAD, Claim

ENOUGH = 3  # seeds for a verdict
MEAN = "mean"  # over heads
POINTS = pl.Schema(
    {"variant": pl.String(), "seed": pl.Int64(), "round": pl.String(), "dataset": pl.String(), "head": pl.String()}
    | {"value": pl.Float64()}
)
DRAWS = pl.Schema({**POINTS, "draw": pl.Int64()})
Worth = Mapping[int, np.ndarray]
"""By seed the primary metric of a head, float64 [1 + draws]: on all people, then on each draw of them."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far one network is above another: the mean over seeds, with its interval."""

    value: float
    low: float
    high: float
    seeds: int

    def verdict(self, margin: float) -> str:
        """What it says of the claim that the first is above the second by more than ``-margin``."""
        if self.seeds < ENOUGH:
            return "open: too few seeds"
        return "holds" if self.low > -margin else "refuted" if self.high < -margin else "open"


class Networks:
    """What every network of the study is worth.

    Args:
        points: columns ``POINTS``: the primary metric of a head on a data set's test split.
        draws: the same on each draw of its people, columns ``DRAWS``.
        validation: columns ``variant``, ``seed`` and ``loss``: the teacher's last on the validation split.
        targets: the data sets that are pseudo-labelled.
        resamples: of seeds and people together, for an interval.
        confidence: of the interval.
    """

    def __init__(
        self,
        points: pl.DataFrame,
        draws: pl.DataFrame,
        validation: pl.DataFrame,
        *,
        targets: Sequence[str],
        resamples: int,
        confidence: float,
    ) -> None:
        domains = (
            pl.when(pl.col("dataset").is_in(targets)).then(pl.lit("target")).otherwise(pl.lit("seen")).alias("domains")
        )
        rows = pl.concat([points.with_columns(draw=pl.lit(-1, dtype=pl.Int64)), draws.select(*POINTS, "draw")])
        place = ["variant", "round", "head", "domains", "seed"]
        means = rows.with_columns(domains).group_by(*place, "draw").agg(pl.col("value").mean()).sort(*place, "draw")
        self._worth: dict[tuple[object, ...], dict[int, np.ndarray]] = {}
        for (*key, seed), part in means.group_by(place, maintain_order=True):
            self._worth.setdefault(tuple(key), {})[int(str(seed))] = part["value"].to_numpy()
        self._validation = validation
        self._resamples, self._confidence = resamples, confidence

    @property
    def names(self) -> list[str]:
        """``variant/round`` of each, in alphabetical order."""
        return sorted({f"{variant}/{key}" for variant, key, _, _ in self._worth})

    def worth(self, name: str, head: str, domains: str) -> Worth:
        """Of a network, named as a claim does; without a seed where it is not there."""
        variant, _, key = name.replace(HEAD, head).partition("/")
        return self._worth.get((variant, key or TEACHER, head, domains), {})

    def best(self, names: Sequence[str]) -> str | None:
        """The variant whose teacher has the least loss on the validation split, in the mean over seeds.

        None where one is not trained, or none has a loss that is a number.
        """
        means = self._validation.group_by("variant").agg(pl.col("loss").mean())
        known = {name: loss for name, loss in means.iter_rows() if name in names}
        numbers = {name: loss for name, loss in known.items() if not math.isnan(loss)}
        whole = known.keys() == set(names) and numbers
        return min(sorted(numbers), key=lambda name: numbers[name]) if whole else None

    def compare(self, claim: Claim, heads: Sequence[str]) -> dict[str, Difference]:
        """By head, and as ``MEAN`` over those that all sides have; nothing where there is none, or no common seed."""
        by_head = {head: found for head in heads if (found := self._differences(claim, head))}
        if not by_head:
            return {}
        seeds = reduce(set.intersection, (set(found) for found in by_head.values()))
        mean = {seed: np.mean([found[seed] for found in by_head.values()], axis=0) for seed in sorted(seeds)}
        if not mean:
            return {}
        return {name: self._difference(found) for name, found in {MEAN: mean, **by_head}.items()}

    def _differences(self, claim: Claim, head: str) -> Worth:
        better, other = self.worth(claim.better, head, claim.domains), claim.than_head or head
        if isinstance(claim.than, float):
            return {seed: values - claim.than for seed, values in better.items()}
        name = claim.than if isinstance(claim.than, str) else self.best(claim.than)
        than = {} if name is None else self.worth(name, other, claim.domains)
        if claim.halfway_to is not None:
            end = self.worth(claim.halfway_to, other, claim.domains)
            than = {seed: (than[seed] + end[seed]) / 2 for seed in than.keys() & end.keys()}
        if claim.baseline is not None:
            alone = self.worth(claim.baseline, head, claim.domains)
            better, than = _below(better, alone), _below(than, alone)
        return {seed: better[seed] - than[seed] for seed in sorted(better.keys() & than.keys())}

    def _difference(self, found: Worth) -> Difference:
        values = np.stack([found[seed] for seed in sorted(found)])
        low, high = interval_over_seeds(
            values[:, 0], values[:, 1:], resamples=self._resamples, confidence=self._confidence, seed=0
        )
        return Difference(value=float(values[:, 0].mean()), low=low, high=high, seeds=len(values))


def _below(worth: Worth, alone: Worth) -> Worth:
    """How far it falls below, as a number that is never positive."""
    return {seed: np.minimum(worth[seed] - alone[seed], 0) for seed in worth.keys() & alone.keys()}
