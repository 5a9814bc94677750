"""How much a teacher's confidence means, before calibration and after, on validation people it was not fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from distillery.reporting.axes import is_number
from distillery.reporting.lines import Line, draw_unit_square

WORDS = {"error": "calibration error", "nll": "negative log-likelihood", "brier": "Brier score",
         "coverage_90": "share within the 90 % interval"}  # fmt: skip
STYLES = {"before": "old", "after": "new"}


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """One head in one domain.

    Attributes:
        measures: name, before, after; those that the head's kind has.
        svg: how often decisions are right by how sure they are; None of numbers.
    """

    head: str
    domain: str
    method: str
    cells: int
    measures: Sequence[tuple[str, float, float]]
    svg: Markup | None


def describe_calibration(errors: pl.DataFrame, reliability: pl.DataFrame) -> list[Calibrated]:
    """Of the two tables that the stage ``pseudo_labels`` writes beside its own."""
    found = []
    for row in errors.to_dicts():
        bins = reliability.filter((pl.col("head") == row["head"]) & (pl.col("domain") == row["domain"]))
        pairs = [(words, row[f"{what}_before"], row[f"{what}_after"]) for what, words in WORDS.items()]
        told = {what: row[what] for what in ("head", "domain", "method", "cells")}
        label = f"{row['head']} in {row['domain']}: how often it is right against how sure it is"
        measures = [pair for pair in pairs if is_number(pair[1])]
        found.append(Calibrated(**told, measures=measures, svg=_draw(bins, label) if len(bins) else None))
    return found


def _draw(bins: pl.DataFrame, label: str) -> Markup:
    lines = []
    for when, style in STYLES.items():
        points = list(bins.filter(pl.col("when") == when).select("confidence", "right").iter_rows())
        lines.append(Line(name=f"{when} calibration", style=style, points=points, sizes=[2.5] * len(points)))
    return draw_unit_square(lines, label=label)
