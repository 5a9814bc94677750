"""What the rounds' pseudo-labels are: how many cells they fill, and how many of the audited ones are right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from markupsafe import Markup

from distillery.heads import Detection, Head, Heads, Regression
from distillery.reporting.dots import Mark, draw_dots
from distillery.reporting.tables import by_place

WITHOUT = "_without_selection"


@dataclass(frozen=True, kw_only=True)
class Yield:
    """Cells of one head in one round's pool: those without a label, and those of them that a pseudo-label fills."""

    round: str
    empty: int
    kept: int

    @property
    def percent(self) -> float:
        return round(100 * self.kept / max(1, self.empty), 1)


@dataclass(frozen=True, kw_only=True)
class Audited:
    """The audit of one head on one data set, a row per round."""

    dataset: str
    metric: str
    svg: Markup
    rows: list[dict[str, object]]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """One head: its rule, its yields and its audits, one for each data set with an audit split."""

    head: str
    rule: str
    yields: list[Yield]
    audits: list[Audited] = field(default_factory=list)


def describe_pseudo_labels(
    tables: Mapping[str, pl.DataFrame], audit: pl.DataFrame, heads: Heads, thresholds: Mapping[str, float]
) -> list[Labelled]:
    """Every head's pseudo-labels over the rounds.

    Args:
        tables: by round, the table of ``distillery.tables.pseudo_labels_schema``.
        audit: columns of ``tables.AUDIT`` and ``round``; may hold no row.
        heads: in the order of the result.
        thresholds: by head.
    """
    found = {}
    for name, head in heads.items():
        yields = [count_cells(table[f"{name}_weight"], head, key) for key, table in tables.items()]
        found[name] = Labelled(head=name, rule=_rule(head, thresholds[name]), yields=yields)
    for dataset, _, name, part in by_place(audit):
        found[name].audits.append(_audited(part, dataset, list(tables)))
    return list(found.values())


def count_cells(weights: pl.Series, head: Head, key: str) -> Yield:
    """Kept and empty cells; null is a labelled cell. A detection has a cell for each element."""
    values = weights.drop_nulls().to_numpy()
    kept = values.min(axis=1, initial=np.inf) > 0 if isinstance(head, Regression) else values > 0
    return Yield(round=key, empty=int(kept.size), kept=int(kept.sum()))


def _rule(head: Head, threshold: float) -> str:
    if isinstance(head, Regression):
        return f"kept where the standard deviation is at most {threshold:g} {head.outputs[0] if len(head.outputs) == 1 else ''}".strip()
    return (
        f"each element kept from {threshold:g} on"
        if isinstance(head, Detection)
        else f"kept from a confidence of {threshold:g} on"
    )


def _audited(part: pl.DataFrame, dataset: str, rounds: Sequence[str]) -> Audited:
    metrics = set(part["metric"])
    metric = "precision" if "precision" in metrics else "mae"
    rows = {key: {} for key in rounds}  # type: dict[str, dict[str, dict[str, float]]]
    for row in part.to_dicts():
        rows[row["round"]][row["metric"]] = row
    series = {metric: "kept", metric + WITHOUT: "all predictions"}
    marks = [
        Mark(round=key, name=series[what], filled=what == metric, value=row["value"], low=row["low"], high=row["high"])
        for key, found in rows.items()
        for what, row in found.items()
        if what in series
    ]
    label = f"{part['head'][0]}: {metric} of the kept pseudo-labels and of all predictions"
    lines = [
        {"round": key, "kept": r[metric], "all": r[metric + WITHOUT], "audited": r["audited"]}
        for key, r in rows.items()
        if r
    ]
    return Audited(dataset=dataset, metric=metric, svg=draw_dots(marks, rounds, label=label), rows=lines)  # type: ignore[arg-type]
