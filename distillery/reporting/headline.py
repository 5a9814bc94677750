"""What the rounds brought: the teacher against the last network, head by head."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from distillery.heads import AnyHeads
from distillery.metrics.names import higher_is_better
from distillery.reporting.axes import Scale, number
from distillery.reporting.results import by_place, primary_scores


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One head on one data set: the primary metric of two rounds."""

    dataset: str
    domain: str
    head: str
    metric: str
    before: float
    after: float
    apart: bool
    """Whether the two intervals do not meet."""

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def gain(self) -> float:
        """The change, where more is always better."""
        return self.change if higher_is_better(self.metric) else -self.change

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``same``: three digits are shown, and what they do not show is no change."""
        gain = round(self.gain, 3)
        return "better" if gain > 0 else "worse" if gain < 0 else "same"

    @property
    def said(self) -> str:
        """The verdict, and whether it is more than chance may bring."""
        return f"{self.verdict}, intervals apart" if self.apart and self.verdict != "same" else self.verdict


def compare_rounds(scores: pl.DataFrame, heads: AnyHeads, *, first: str, last: str) -> list[Comparison]:
    """The ensemble's primary metric in the first and last round, for every data set and head that both scored.

    Args:
        scores: columns of ``results.SCORES``.
        heads: say which metric is primary.
        first: the teacher's round.
        last: the student's.
    """
    found = []
    for dataset, domain, name, part in by_place(primary_scores(scores, heads)):
        rows = {row["round"]: row for row in part.to_dicts()}
        if first in rows and last in rows:
            one, two = rows[first], rows[last]
            apart = one["low"] > two["high"] or two["low"] > one["high"]
            values = {"before": one["value"], "after": two["value"], "apart": apart}
            found.append(Comparison(dataset=dataset, domain=domain, head=name, metric=part["metric"][0], **values))
    return found


def mean_comparison(found: Sequence[Comparison]) -> Comparison | None:
    """The plain mean over heads; all primary metrics are better high, and 1 at best."""
    if not found:
        return None
    before, after = (sum(values) / len(found) for values in zip(*[(c.before, c.after) for c in found], strict=True))
    place = {"dataset": "", "domain": ", ".join(dict.fromkeys(c.domain for c in found)), "head": "mean over heads"}
    return Comparison(**place, metric="primary", before=before, after=after, apart=False)


def signed(change: float) -> str:
    """A change with its sign."""
    text = number(abs(change))
    return f"±{text}" if round(change, 3) == 0 else f"+{text}" if change > 0 else f"−{text}" if change < 0 else text


def draw_change(one: Comparison, largest: float) -> Markup:
    """A bar from no change, in the middle, to the gain: worse to the left, better to the right.

    Args:
        one: the comparison.
        largest: the gain or loss at the ends of the scale.
    """
    x = Scale(-max(largest, 1e-3), max(largest, 1e-3), 6, 194)
    drawn = Markup(
        '<svg class="change {}" viewBox="0 0 200 16" role="img" aria-label="{}">'
        '<path class="rail" d="M6 8H194M{} 1V15"/>'
        '<path class="move" d="M{} 8H{}"/><circle cx="{}" cy="8" r="5"/></svg>'
    )
    end = x.place(one.gain)
    return drawn.format(one.verdict, signed(one.change), x.place(0), x.place(0), end, end)
