"""What each further view of the ensemble brings on the validation split."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from distillery.reporting.lines import Line, draw_curves


@dataclass(frozen=True, kw_only=True)
class Worth:
    """The order in which views help: for a budget of n forward passes take the first n.

    Attributes:
        steps: number of views, the last of them, and the mean over heads of the loss over that of one view.
        least: the number of views with the least loss.
        curves: by head, its loss over that of one view, by number of views.
    """

    steps: Sequence[tuple[int, str, float]]
    least: int
    curves: Sequence[tuple[str, Markup]]


def describe_views(table: pl.DataFrame) -> Worth:
    """Of the table that the stage ``views`` writes: ``views``, ``view``, ``head``, ``relative``, ``mean_relative``."""
    steps = table.unique("views", keep="first", maintain_order=True).select("views", "view", "mean_relative").rows()
    curves = []
    for part in table.partition_by("head", maintain_order=True) if len(table) else []:
        name, points = part["head"][0], part.select("views", "relative").rows()
        line = Line(name=name, style="new", points=points, sizes=[2.5] * len(points))
        curves.append((name, draw_curves([line], label=f"{name}: loss over that of one view, by number of views")))
    least = min(steps, key=lambda step: step[2])[0] if steps else 1
    return Worth(steps=steps, least=least, curves=curves)
