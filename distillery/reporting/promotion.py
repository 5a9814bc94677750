"""Whether a round's network takes the champion's place: clause by clause, each with what was found.

It chooses by test splits, for nothing else knows the target domain: the one exception to what these are for.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from distillery.metrics.bootstrap import interval
from distillery.metrics.names import WHOLE

PLACE = ["dataset", "head"]
GROUP = [*PLACE, "by", "group"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is asked of a challenger.

    Attributes:
        gain: the lower bound of the rise of the mean over heads has to be above it.
        confidence: of the paired bootstrap interval that has this bound.
        fall: no head may fall by more on any data set.
        gap: no group may fall further behind its data set by more.
        least: images of a group that is looked at.
    """

    gain: float
    confidence: float
    fall: float
    gap: float
    least: int


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One condition, what was found and what is allowed, in the head's primary metric.

    One that nothing could be ``tested`` by holds: it keeps nobody out, and nobody may take it for passed.
    """

    name: str
    tested: bool = True
    holds: bool
    found: str

    @property
    def answer(self) -> str:
        return "not tested" if not self.tested else "yes" if self.holds else "no"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of one round."""

    round: str
    against: str
    clauses: tuple[Clause, ...]

    @property
    def promoted(self) -> bool:
        return all(clause.holds for clause in self.clauses)


def decide(
    scores: pl.DataFrame,
    draws: pl.DataFrame,
    groups: pl.DataFrame,
    rounds: Sequence[str],
    targets: Sequence[str],
    limits: Limits,
) -> list[Decision]:
    """Let each round challenge the champion that the rounds before it left; the first one is champion at the start.

    Args:
        scores: columns ``round``, ``dataset``, ``head``, ``value``: the primary metric on each test split.
        draws: the same with ``draw``: on the same people for every round (``metrics.bootstrap``).
        groups: the same with ``by``, ``group`` and ``images``: how good on the test images of one group, and of all.
        targets: the data sets whose mean over heads has to rise; all, where none of these is scored.
    """
    champion, found = rounds[0], []
    for key in rounds[1:]:
        clauses = (
            _rise(scores, draws, key, champion, targets, limits),
            _falls(scores, key, champion, limits),
            _gaps(groups, key, champion, limits),
        )
        found.append(Decision(round=key, against=champion, clauses=clauses))
        champion = key if found[-1].promoted else champion
    return found


def champion_of(decisions: Sequence[Decision], first: str) -> str:
    """The round that is champion after all of them."""
    return next((each.round for each in reversed(decisions) if each.promoted), first)


def _rise(
    scores: pl.DataFrame, draws: pl.DataFrame, key: str, champion: str, targets: Sequence[str], limits: Limits
) -> Clause:
    scored = set(draws["dataset"])
    aimed = [name for name in targets if name in scored] or sorted(scored)
    change = (pl.col("value") - pl.col("before")).mean()
    points = _pairs(scores.filter(pl.col("dataset").is_in(aimed)), key, champion, PLACE)
    whole = points.select(change).item()
    both = _pairs(draws.filter(pl.col("dataset").is_in(aimed)), key, champion, [*PLACE, "draw"])
    # A draw in which some head is not a number is of other heads than the rest, and is none.
    complete = pl.when(pl.len() == len(points)).then(change).otherwise(math.nan)
    by_draw = draws.select(pl.col("draw").unique()).join(
        both.group_by("draw").agg(value=complete), on="draw", how="left"
    )
    low, high = interval(by_draw["value"].fill_null(math.nan).to_numpy(), limits.confidence)
    mean = math.nan if whole is None else whole
    where = ", ".join(aimed)
    sure = "no interval, too few draws have every head" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}"
    return Clause(
        name="the mean over heads rises",
        holds=bool(low > limits.gain),
        found=f"{mean:+.3f} ({sure}) on {where}; its lower bound has to be above {limits.gain:g}",
    )


def _falls(scores: pl.DataFrame, key: str, champion: str, limits: Limits) -> Clause:
    both = _pairs(scores, key, champion, PLACE, how="left").with_columns(change=pl.col("value") - pl.col("before"))
    worst = both.sort("change", *PLACE, nulls_last=False).head(1).to_dicts()
    change = 0.0 if not worst else -math.inf if worst[0]["change"] is None else worst[0]["change"]
    said = f"{worst[0]['head']} on {worst[0]['dataset']} {change:+.3f}" if worst else "no head is scored"
    return Clause(
        name="no head falls",
        tested=bool(worst),
        holds=change >= -limits.fall,
        found=f"{said}; allowed is a fall of {limits.fall:g}",
    )


def _gaps(groups: pl.DataFrame, key: str, champion: str, limits: Limits) -> Clause:
    """How much further a group is behind the whole of its data set than it was with the champion."""
    whole = groups.filter(pl.col("by") == WHOLE).select("round", *PLACE, whole="value")
    behind = groups.filter(pl.col("by") != WHOLE).join(whole, on=["round", *PLACE], maintain_order="left")
    behind = behind.filter(pl.col("images") >= limits.least).with_columns(value=pl.col("whole") - pl.col("value"))
    both = _pairs(behind, key, champion, GROUP).with_columns(
        widening=pl.col("value").clip(lower_bound=0) - pl.col("before").clip(lower_bound=0)
    )
    widest = both.sort("widening", *GROUP, descending=[True, *[False] * len(GROUP)], nulls_last=True).head(1).to_dicts()
    widening = widest[0]["widening"] if widest else 0.0
    said = f"no group of {limits.least} test images is known"
    if widest:
        row = widest[0]
        said = f"{row['head']} of {row['by']} {row['group']} on {row['dataset']}: "
        said += f"behind by {row['before']:+.3f}, now by {row['value']:+.3f}"
    return Clause(
        name="no group falls behind",
        tested=bool(widest),
        holds=widening <= limits.gap,
        found=f"{said}; allowed is a widening of {limits.gap:g}",
    )


def _pairs(
    table: pl.DataFrame, key: str, champion: str, on: Sequence[str], how: Literal["inner", "left"] = "inner"
) -> pl.DataFrame:
    """The champion's numbers as ``before`` beside those of one round; ``left`` keeps what this one lacks, as null."""
    known = table.filter(pl.col("value").is_not_nan() & pl.col("value").is_not_null())
    before = known.filter(pl.col("round") == champion).select(*on, before="value")
    now = known.filter(pl.col("round") == key).select(*on, "value")
    return before.join(now, on=list(on), how=how, maintain_order="left")


def in_plain(decisions: Sequence[Decision]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """By round what is written down."""
    for each in decisions:
        clauses = {
            clause.name: {"answer": clause.answer, "holds": clause.holds, "found": clause.found}
            for clause in each.clauses
        }
        yield each.round, {"against": each.against, "promoted": each.promoted, "clauses": clauses}
