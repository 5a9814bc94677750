"""The table that the pipeline closes with."""

import json
from statistics import fmean

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from distillery.params import TEACHER, Params
from distillery.reporting import results
from distillery.reporting.axes import number
from distillery.reporting.headline import Comparison, compare_rounds, mean_comparison, signed
from distillery.reporting.page import words
from tasks.support import paths
from tasks.support.command import run_stage
from tasks.support.evaluations import stack_tables

PAGE = "index.html"


def compare_targets(params: Params, key: str) -> list[Comparison]:
    """A round beside the teacher on the target data sets, head by head."""
    scores = stack_tables("scores", results.SCORES, list(dict.fromkeys((TEACHER, key))))
    scores = scores.filter(pl.col("dataset").is_in(params.targets))
    return compare_rounds(scores, params.heads, first=TEACHER, last=key)


def target_metrics(params: Params, key: str) -> dict[str, float]:
    """``<head>/<metric>``: a round's primary metric in the target domain, the mean of several data sets; ``mean``."""
    compared = compare_targets(params, key)
    by_name: dict[str, list[float]] = {}
    for one in compared:
        by_name.setdefault(f"{one.head}/{one.metric}", []).append(one.after)
    mean = mean_comparison(compared)
    return {name: fmean(values) for name, values in by_name.items()} | ({"mean": mean.after} if mean else {})


def print_closing_table(params: Params) -> None:
    """The target's heads by rounds: the ensemble's primary metric, and the last round's change on the teacher."""
    rounds = params.models
    by_round = [compare_targets(params, key) for key in rounds]
    table = Table(
        "data set",
        "head",
        "metric",
        *rounds,
        "change",
        title=params.report.title,
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for row in zip(*by_round, strict=True):
        end = row[-1]
        style = {"better": "green", "worse": "red", "same": ""}[end.verdict]
        table.add_row(
            end.dataset,
            end.head,
            words(end.metric),
            *[number(one.after) for one in row],
            signed(end.change),
            style=style,
        )
    Console().print(table)
    print(f"champion: {json.loads(paths.PROMOTION.read_text())['champion']}; {paths.PROMOTION} says why")
    print(f"report: {paths.REPORT / PAGE}")


if __name__ == "__main__":
    run_stage(print_closing_table)
