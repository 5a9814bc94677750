"""Reads a round's predictions; writes ``data/rounds/<round>/pseudo_labels.parquet``. Seconds; infers nothing.

Holds one shard of predictions in memory.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa

from distillery.heads import Heads
from distillery.labelling.pseudo_labels import KEPT, LABELLED, select
from distillery.params import Params
from distillery.tables import pseudo_labels_schema, read_metadata, read_parts, table_files, write_parts
from tasks.support import paths
from tasks.support.command import run_keyed_stage


def write_pseudo_labels(path: Path, *, predictions: Path, heads: Heads, thresholds: Mapping[str, float]) -> Path:
    """Select the predictions that a student may learn from."""
    kept, empty = Counter[str](), Counter[str]()

    def selected() -> Iterator[pa.Table]:
        for shard in read_parts(predictions):
            table = select(shard, heads, thresholds)
            for name in heads:
                reasons = pl.Series(table[f"{name}_reason"].cast("string"))
                kept[name] += int((reasons == KEPT).sum())
                empty[name] += int((reasons != LABELLED).sum())
            yield table

    teacher = read_metadata(table_files(predictions)[0])["teacher"]
    write_parts(selected(), pseudo_labels_schema(heads), path, {"teacher": teacher})
    for name in heads:
        print(f"pseudo_labels {name}: kept {kept[name]:,} of {empty[name]:,} empty cells")
    return path


def main(params: Params, key: str) -> None:
    write_pseudo_labels(
        paths.pseudo_labels(key),
        predictions=paths.predictions(key),
        heads=params.distilled,
        thresholds={name: selection.threshold for name, selection in params.pseudo_labels.heads.items()},
    )


if __name__ == "__main__":
    run_keyed_stage(main)
