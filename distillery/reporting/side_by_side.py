"""The rounds side by side: a chart for each head, and every metric in a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl
from markupsafe import Markup

from distillery.heads import AnyHeads, Regression
from distillery.metrics.names import primary_metric
from distillery.reporting.axes import number
from distillery.reporting.dots import Mark, draw_dots
from distillery.reporting.results import by_place

WAYS = {"one_view": "one view", "ensemble": "ensemble"}


@dataclass(frozen=True, kw_only=True)
class Chart:
    head: str
    metric: str
    images: int
    svg: Markup


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One data set's charts and its table: head, metric, way, images, then a cell per round."""

    dataset: str
    domain: str
    charts: list[Chart] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def measure_datasets(scores: pl.DataFrame, heads: AnyHeads, rounds: Sequence[str]) -> list[Measured]:
    """Every data set in the order of the table.

    Args:
        scores: columns of ``results.SCORES``.
        heads: say which metrics are drawn: the primary one, and the error in its unit for numbers.
        rounds: along the bottom.
    """
    found: dict[str, Measured] = {}
    for dataset, domain, name, part in by_place(scores):
        place = found.setdefault(dataset, Measured(dataset=dataset, domain=domain))
        metrics = [primary_metric(heads[name], set(part["metric"]))] + (
            ["mae"] if isinstance(heads[name], Regression) else []
        )
        place.charts.extend(_chart(part, name, metric, rounds) for metric in metrics)
        place.rows.extend(_rows(part, name, rounds))
    return list(found.values())


def _chart(part: pl.DataFrame, name: str, metric: str, rounds: Sequence[str]) -> Chart:
    rows = part.filter(pl.col("metric") == metric).select("round", "way", "value", "low", "high").to_dicts()
    marks = [
        Mark(
            round=row["round"],
            name=WAYS[row["way"]],
            filled=row["way"] == "ensemble",
            value=row["value"],
            low=row["low"],
            high=row["high"],
        )
        for row in rows
    ]
    drawn = draw_dots(marks, rounds, label=f"{name}, {metric}, by round")
    return Chart(head=name, metric=metric, images=part["images"][0], svg=drawn)


def _rows(part: pl.DataFrame, name: str, rounds: Sequence[str]) -> list[list[str]]:
    cells = {
        (
            row["metric"],
            row["way"],
            row["round"],
        ): f"{number(row['value'])} [{number(row['low'])}, {number(row['high'])}]"
        for row in part.to_dicts()
    }
    kinds = dict.fromkeys((metric, way) for metric, way, _ in cells)
    images = f"{part['images'][0]:,}"
    return [
        [name, metric, WAYS[way], images, *[cells.get((metric, way, key), "–") for key in rounds]]
        for metric, way in kinds
    ]
