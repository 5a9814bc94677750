"""Confusion and reliability of each classification head, the teacher beside the last network."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from distillery.heads import AnyHeads, Classification
from distillery.reporting.lines import Line, draw_unit_square
from distillery.reporting.results import by_place

STYLES = ("old", "new")


@dataclass(frozen=True, kw_only=True)
class Cell:
    count: int
    percent: int


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Counts in rows of what is true; only classes that occur have a row."""

    round: str
    classes: list[str]
    rows: dict[str, list[Cell]]


@dataclass(frozen=True, kw_only=True)
class Decisions:
    dataset: str
    head: str
    images: int
    matrices: list[Matrix]
    reliability: Markup


def describe_decisions(
    confusion: pl.DataFrame, reliability: pl.DataFrame, heads: AnyHeads, rounds: Sequence[str]
) -> list[Decisions]:
    """Every data set and classification head.

    Args:
        confusion: columns of ``results.CONFUSION``, a row per image.
        reliability: columns of ``results.RELIABILITY``, a row per bin.
        heads: give the order of classes.
        rounds: the teacher and the last.
    """
    bins = {(dataset, name): part for dataset, _, name, part in by_place(reliability)}
    found = []
    for dataset, _, name, part in by_place(confusion):
        head = heads[name]
        assert isinstance(head, Classification)
        pairs = {key: part.filter(pl.col("round") == key) for key in rounds}
        matrices = [count_pairs(table, key, head.classes) for key, table in pairs.items()]
        drawn = _draw(bins[dataset, name], rounds, f"{name} on {dataset}: accuracy against confidence")
        images = len(pairs[rounds[-1]])
        found.append(Decisions(dataset=dataset, head=name, images=images, matrices=matrices, reliability=drawn))
    return found


def count_pairs(pairs: pl.DataFrame, key: str, classes: Sequence[str]) -> Matrix:
    """How often each class was taken for each; percent of its row.

    Args:
        pairs: columns ``actual`` and ``predicted``, a row per image.
        key: the round.
        classes: in the order of rows and columns.
    """
    counts = {(row[0], row[1]): row[2] for row in pairs.group_by("actual", "predicted").len().iter_rows()}
    rows = {}
    for actual in classes:
        row = [counts.get((actual, predicted), 0) for predicted in classes]
        if sum(row):
            rows[actual] = [Cell(count=each, percent=round(100 * each / sum(row))) for each in row]
    return Matrix(round=key, classes=list(classes), rows=rows)


def _draw(bins: pl.DataFrame, rounds: Sequence[str], label: str) -> Markup:
    lines = []
    for key, style in zip(rounds, STYLES[-len(rounds) :], strict=True):
        part = bins.filter(pl.col("round") == key)
        total = part["images"].sum()
        sizes = [2 + 10 * (images / total) ** 0.5 for images in part["images"]]
        points = list(part.select("confidence", "accuracy").iter_rows())
        lines.append(Line(name=key, style=style, points=points, sizes=sizes))
    return draw_unit_square(lines, label=label)
