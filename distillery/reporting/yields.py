"""What the rounds' pseudo-labels are: how many cells they fill, and how many of the audited ones are right."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from markupsafe import Markup

from distillery.heads import Classification, Detection, Head, Heads, Regression, names
from distillery.reporting.alarms import find_alarms
from distillery.reporting.cells import across
from distillery.reporting.dots import Mark, draw_dots
from distillery.reporting.results import by_place

WITHOUT = "_without_selection"


@dataclass(frozen=True, kw_only=True)
class Yield:
    """Cells of one head without a label, and those of them that a pseudo-label fills: in the pool and elsewhere."""

    round: str
    empty: int
    kept: int
    empty_elsewhere: int
    kept_elsewhere: int
    by_class: dict[str, tuple[int, int]]
    """Of the pool's cells that were taken for a class, or of whose elements one was said to be there: kept, and all."""

    @property
    def percent(self) -> float:
        return round(100 * self.kept / max(1, self.empty), 1)


@dataclass(frozen=True, kw_only=True)
class Audited:
    """The audit of one head on one data set, a row per round."""

    dataset: str
    metric: str
    svg: Markup
    rows: list[dict]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """One head: its rule, its yields, its audits (one for each data set with an audit split) and what they warn of."""

    head: str
    rule: str
    yields: list[Yield]
    audits: list[Audited] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """Those by which its yields are counted; a number has none."""
        return list(self.yields[-1].by_class)


def describe_pseudo_labels(
    tables: Mapping[str, Iterable[pl.DataFrame]],
    pool: pl.Series,
    audit: pl.DataFrame,
    heads: Heads,
    rules: Mapping[str, str],
) -> list[Labelled]:
    """Every head's pseudo-labels over the rounds.

    Args:
        tables: by round, the table of ``distillery.tables.pseudo_labels_schema`` in parts; of each the images, hard
            values and weights are looked at.
        pool: images of the splits unlabelled and audit; other images have empty cells too.
        audit: columns of ``results.AUDIT``; may hold no row.
        heads: in the order of the result.
        rules: by head, in words.
    """
    counted = {key: count_yields(parts, pool, heads, key) for key, parts in tables.items()}
    found = {}
    for name in heads:
        yields = [by_head[name] for by_head in counted.values()]
        found[name] = Labelled(head=name, rule=rules[name], yields=yields)
    for dataset, _, name, part in by_place(audit):
        found[name].audits.append(_audited(part, dataset, list(tables)))
        found[name].alarms.extend(find_alarms(part))
    return list(found.values())


def list_groups(groups: pl.DataFrame, last: str) -> list[dict[str, object]]:
    """Who is thrown away: a row for each head and group of a round; what is kept, how right it is (precision or mean
    absolute error), recall, each with its interval.

    Args:
        groups: columns of ``results.GROUPS``.
    """
    found = []
    for part in groups.filter(pl.col("round") == last).partition_by(
        "dataset", "head", "by", "group", maintain_order=True
    ):
        metrics = {row["metric"]: row for row in part.to_dicts()}
        first = part.row(0, named=True)
        shown = {"kept": metrics["yield"], "right": metrics.get("precision", metrics.get("mae"))}
        place = {key: first[key] for key in ("dataset", "head", "by", "group")}
        found.append({**place, **shown, "recall": metrics.get("recall"), "audited": metrics["audited"]})
    return found


def count_yields(parts: Iterable[pl.DataFrame], pool: pl.Series, heads: Heads, key: str) -> dict[str, Yield]:
    """A round's kept and empty cells by head; a detection has a cell for each element."""
    images, counts = pool.implode(), {name: np.zeros((2, 2), dtype=np.int64) for name in heads}
    classes = {name: np.zeros((2, len(_classes(head))), dtype=np.int64) for name, head in heads.items()}
    for part in parts:
        inside = part["image"].is_in(images)
        for name, head in heads.items():
            weights = part[f"{name}_weight"]
            counts[name] += [_count(weights.filter(inside), head), _count(weights.filter(~inside), head)]
            classes[name] += _count_classes(part.filter(inside), name, head)
    found = {}
    for name, head in heads.items():
        (kept, empty), (kept_elsewhere, empty_elsewhere) = counts[name].tolist()
        by_class = dict(zip(_classes(head), zip(*classes[name].tolist(), strict=True), strict=True))
        found[name] = Yield(
            round=key,
            kept=kept,
            empty=empty,
            kept_elsewhere=kept_elsewhere,
            empty_elsewhere=empty_elsewhere,
            by_class=by_class,
        )
    return found


def _count(weights: pl.Series, head: Head) -> tuple[int, int]:
    values = weights.drop_nulls().to_numpy()
    kept = values.min(axis=1) > 0 if isinstance(head, Regression) else values > 0
    return int(kept.sum()), int(kept.size)


def _classes(head: Head) -> tuple[str, ...]:
    return () if isinstance(head, Regression) else names(head)


def _count_classes(part: pl.DataFrame, name: str, head: Head) -> np.ndarray:
    """Kept cells and all, by what was said of them: int64 [2, classes]."""
    cells = part.select(hard=f"{name}_hard", kept=f"{name}_weight").drop_nulls("kept")
    if isinstance(head, Classification):
        said = np.array(cells["hard"].cast(pl.String))[:, None] == np.array(head.classes)
        kept = said & (cells["kept"].to_numpy() > 0)[:, None]
    elif isinstance(head, Detection):
        said = across(cells["hard"]).astype(bool)
        kept = said & (across(cells["kept"]) > 0)
    else:
        return np.zeros((2, 0), dtype=np.int64)
    return np.stack([kept.sum(axis=0), said.sum(axis=0)])


def _audited(part: pl.DataFrame, dataset: str, rounds: Sequence[str]) -> Audited:
    metrics = set(part["metric"])
    metric = "precision" if "precision" in metrics else "mae"
    rows: dict[str, dict[str, dict]] = {key: {} for key in rounds}
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
        {"round": key, "kept": found[metric], "all": found[metric + WITHOUT], "audited": found["audited"]}
        for key, found in rows.items()
        if found
    ]
    return Audited(dataset=dataset, metric=metric, svg=draw_dots(marks, rounds, label=label), rows=lines)
