"""The tables that evaluations wrote, of one round or of several."""

from pathlib import Path

import polars as pl

from distillery.reporting import results
from tasks.support import paths


def read_evaluation(evaluation: Path, what: str) -> pl.DataFrame:
    """One table of one evaluation."""
    # From memory: reading a file polars waits for ever where there is too little of it for the threads that read.
    # A table that holds no row has no header either.
    return pl.read_csv((evaluation / f"{what}.csv").read_bytes(), raise_if_empty=False)


def read_tables(what: str, rounds: list[str]) -> dict[str, pl.DataFrame]:
    """One table of an evaluation, by round."""
    return {key: read_evaluation(paths.evaluation(key), what) for key in rounds}


def stack_tables(what: str, schema: pl.Schema, rounds: list[str]) -> pl.DataFrame:
    """The same as one table with a column ``round``."""
    return results.stack_rounds(read_tables(what, rounds), schema)
