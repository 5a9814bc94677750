"""The table that the pipeline closes with, and how tables of all rounds are read."""

from pathlib import Path

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from distillery.params import TEACHER, Params
from distillery.reporting import results
from distillery.reporting.axes import number
from distillery.reporting.headline import compare_rounds, signed
from distillery.reporting.page import words
from tasks.support import paths
from tasks.support.command import run_stage

PAGE = "index.html"


def read_tables(what: str, rounds: list[str]) -> dict[str, pl.DataFrame]:
    """One table of an evaluation, by round."""
    return {key: read_evaluation(paths.evaluation(key), what) for key in rounds}


def read_evaluation(evaluation: Path, what: str) -> pl.DataFrame:
    """One table of one evaluation."""
    # From memory: reading a file polars waits for ever where there is too little of it for the threads that read.
    # A table that holds no row has no header either.
    return pl.read_csv((evaluation / f"{what}.csv").read_bytes(), raise_if_empty=False)


def stack_tables(what: str, schema: pl.Schema, rounds: list[str]) -> pl.DataFrame:
    """The same as one table with a column ``round``."""
    return results.stack_rounds(read_tables(what, rounds), schema)


def print_closing_table(params: Params) -> None:
    """The target's heads by rounds: the ensemble's primary metric, and the last round's change on the teacher."""
    rounds = params.models
    scores = stack_tables("scores", results.SCORES, rounds)
    scores = scores.filter(pl.col("dataset").is_in(params.targets))
    by_round = [compare_rounds(scores, params.heads, first=TEACHER, last=key) for key in rounds]
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
    print(f"report: {paths.REPORT / PAGE}")


if __name__ == "__main__":
    run_stage(print_closing_table)
