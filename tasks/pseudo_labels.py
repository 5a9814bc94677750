"""Reads a round's predictions; writes ``data/rounds/<round>/pseudo_labels.parquet``. Seconds; infers nothing."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from distillery.heads import Heads
from distillery.labelling.pseudo_labels import KEPT, LABELLED, select
from distillery.params import Params
from distillery.tables import pseudo_labels_schema, read_metadata, read_table, write_table
from tasks.support import paths
from tasks.support.command import run_keyed_stage


def write_pseudo_labels(path: Path, *, predictions: Path, heads: Heads, thresholds: Mapping[str, float]) -> Path:
    """Select the predictions that a student may learn from."""
    table = select(read_table(predictions), heads, thresholds)
    for name in heads:
        reasons = pl.Series(table[f"{name}_reason"].cast("string"))
        print(f"pseudo_labels {name}: kept {(reasons == KEPT).sum():,} of {(reasons != LABELLED).sum():,} empty cells")
    teacher = read_metadata(next(iter(sorted(predictions.glob("*.parquet")))))["teacher"]
    return write_table(table, pseudo_labels_schema(heads), path, {"teacher": teacher})


def main(params: Params, key: str) -> None:
    write_pseudo_labels(
        paths.pseudo_labels(key),
        predictions=paths.predictions(key),
        heads=params.heads,
        thresholds={name: selection.threshold for name, selection in params.pseudo_labels.heads.items()},
    )


if __name__ == "__main__":
    run_keyed_stage(main)
