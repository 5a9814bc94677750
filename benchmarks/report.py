"""What the report costs with a million pseudo-labels behind it: seconds, memory, and how large its page is.

    python -m benchmarks.report [images]

Run where the demo has run. Its pool is enlarged by images that exist in the tables alone, in a folder of their own; the
faces that are shown are audited ones, which are there.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import pyarrow as pa

from distillery.params import Params
from distillery.tables import (
    manifest_schema,
    predictions_schema,
    pseudo_labels_schema,
    read_table,
    table_files,
    write_table,
)
from tasks.report import write_report
from tasks.support import paths
from tasks.support.command import read_params

SHARD = 2**16


def main(images: str = "1_000_000") -> None:
    params, home = read_params(), Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _enlarge(params, folder, int(images))
        os.chdir(folder)
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        page = write_report(paths.REPORT, params)
        seconds = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows = len(read_table(paths.pseudo_labels(params.models[-1]), ["image"]))
        print(f"{rows:,} rows a round, {len(params.distilled)} heads: {seconds:.1f} s, peak {after / 1024:.0f} MiB")
        print(
            f"(before the report, while the tables were made, {before / 1024:.0f} MiB); {page.stat().st_size:,} bytes"
        )
        os.chdir(home)


def _enlarge(params: Params, folder: Path, images: int) -> None:
    """The demo's artefacts in another folder, so many more unlabelled images in its tables."""
    for path in (paths.MANIFEST, paths.pseudo_labels("x"), paths.predictions("x")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    for path in (paths.IMAGES, paths.LEDGER, paths.VIEWS, paths.PROMOTION, Path("models"), Path("params.yaml")):
        (folder / path).symlink_to(path.resolve())
    manifest = read_table(paths.MANIFEST)
    unlabelled = manifest.filter(pl.col("split") == "unlabelled")["image"]
    _write(_many(manifest, unlabelled, images), manifest_schema(params.heads), folder / paths.MANIFEST)
    for key in params.models:
        (folder / paths.evaluation(key)).parent.mkdir(parents=True, exist_ok=True)
        (folder / paths.evaluation(key)).symlink_to(paths.evaluation(key).resolve())
        (folder / paths.metrics(key)).symlink_to(paths.metrics(key).resolve())
    for key in params.rounds:
        (folder / paths.calibration(key)).symlink_to(paths.calibration(key).resolve())
        pseudo = _many(read_table(paths.pseudo_labels(key)), unlabelled, images)
        _write(pseudo, pseudo_labels_schema(params.distilled), folder / paths.pseudo_labels(key))
        seen = pl.concat([read_table(file) for file in table_files(paths.predictions(key))])
        seen = _many(seen, unlabelled, images)
        (folder / paths.predictions(key)).mkdir()
        for number, start in enumerate(range(0, len(seen), SHARD)):
            shard = folder / paths.predictions(key) / f"{number:05d}.parquet"
            _write(seen[start : start + SHARD], predictions_schema(params.distilled), shard)


def _many(table: pl.DataFrame, unlabelled: pl.Series, images: int) -> pl.DataFrame:
    """The table, and its unlabelled rows under other names until there are so many."""
    rows = table.filter(pl.col("image").is_in(unlabelled.implode())).unique("image", keep="first", maintain_order=True)
    times = max(0, images - len(table)) // len(rows)
    return pl.concat([table, *(rows.with_columns(image=pl.col("image") + f"-{each}") for each in range(times))])


def _write(table: pl.DataFrame, schema: pa.Schema, path: Path) -> None:
    write_table(table.to_arrow(), schema, path)


if __name__ == "__main__":
    main(*sys.argv[1:2])
