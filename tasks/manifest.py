"""Reads the raw data sets; writes ``data/manifest.parquet``. Decodes every image once.

Interrupted, it keeps what it has decoded for the next call.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from distillery.errors import DistilleryError
from distillery.files import part_path
from distillery.heads import AnyHeads
from distillery.images.adapters import read_dataset
from distillery.images.manifest import MAX_NAMED, PART, Source, assign_splits, label_rows, name_images
from distillery.params import Params
from distillery.params.sections import Dataset
from distillery.tables import READABLE, manifest_schema, write_table
from tasks.support import paths
from tasks.support.command import run_stage
from tasks.support.progress import Progress
from tasks.support.provenance import DECODING, code_hash
from tasks.support.resuming import mark_of, read_part, resumable_parts, write_part


def write_manifest(
    path: Path,
    datasets: Mapping[str, Dataset],
    *,
    heads: AnyHeads,
    bad_share: float,
    min_side: int,
    max_pixels: int,
    seed: int,
    threads: int,
) -> Path:
    """List, decode, check and split the images of all data sets.

    Raises:
        DistilleryError: a data set is missing or empty, a label does not fit, or too many images are unreadable.
    """
    sources = [
        Source(name=name, domain=dataset.domain, shares=dataset.splits, spellings=dataset.rename)
        for name, dataset in datasets.items()
    ]
    # Of all data sets before an image is decoded: a mistake in the last one is found at once.
    listed = {source.name: _listed(source, datasets[source.name], heads) for source in sources}
    parts, limits = [], {"min_side": min_side, "max_pixels": max_pixels}
    with resumable_parts("-".join(path.with_suffix("").parts[1:])) as kept:
        for name, rows in listed.items():
            images, statuses = _named(name, rows, kept / name, limits, threads)
            rows = rows.drop_columns("status").append_column("image", images).append_column("status", statuses)
            _report_damage(name, rows, bad_share)
            parts.append(rows)
        table = assign_splits(pa.concat_tables(parts).unify_dictionaries(), sources, heads, seed)
        _print_counts(table)
        return write_table(table, manifest_schema(heads), path)


def _listed(source: Source, dataset: Dataset, heads: AnyHeads) -> pa.Table:
    """The rows of one data set, as it lists and labels them."""
    sightings = read_dataset(
        dataset.adapter,
        Path(dataset.path),
        heads=dataset.heads,
        table=dataset.table,
        path_column=dataset.path_column,
        identity=dataset.identity,
    )
    return label_rows(source, sightings, heads)


def _named(
    dataset: str, rows: pa.Table, folder: Path, limits: Mapping[str, int], threads: int
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """``name_images`` part by part; a part that an interrupted call finished is kept while its files stay untouched."""
    folder.mkdir(exist_ok=True)
    progress, code = Progress(f"manifest {dataset}", len(rows)), code_hash(DECODING)
    images: list[pa.Array] = []
    statuses: list[pa.Array] = []
    with ThreadPoolExecutor(threads) as pool:
        for number, start in enumerate(range(0, len(rows), PART)):
            part = rows.slice(start, PART)
            files = list(zip(part["path"].to_pylist(), part["status"].to_pylist(), strict=True))
            path, mark = (
                part_path(folder, number, ".json"),
                mark_of(code, dict(limits), [_state(*file) for file in files]),
            )
            found = read_part(path, mark)
            if found is None:
                found = {"named": name_images(files, **limits, pool=pool)}
                write_part(path, mark, found)
            for column, values in zip((images, statuses), zip(*found["named"], strict=True), strict=True):
                column.append(pa.array(values, pa.string()))
            progress(start + len(files))
    return pa.chunked_array(images), pa.chunked_array(statuses)


def _state(path: str, problem: str | None) -> tuple[str, str | None, int, int]:
    try:
        found = Path(path).stat()
    except OSError:
        return path, problem, 0, 0
    return path, problem, found.st_size, found.st_mtime_ns


def _report_damage(name: str, rows: pa.Table, bad_share: float) -> None:
    bad = rows.select(["path", "status"]).filter(pc.not_equal(rows["status"], READABLE))
    named = bad.slice(0, MAX_NAMED).to_pylist()
    text = "\n".join(
        [f"{len(bad)} of {len(rows)} images cannot be used, for instance"]
        + [f"  {row['path']}: {row['status']}" for row in named]
    )
    if len(bad) > bad_share * len(rows):
        raise DistilleryError(f"data set '{name}': more than manifest.bad_share {bad_share:g} allows: {text}")
    if len(bad):
        print(f"manifest {name}: {text}")


def _print_counts(table: pa.Table) -> None:
    counts = pl.DataFrame(table.select(["dataset", "split", "status", "image"]))
    for (dataset, split), rows in counts.group_by("dataset", "split", maintain_order=True):
        usable = (rows["status"] == READABLE).sum()
        print(f"manifest {dataset}, {split}: {usable:,} usable of {len(rows):,}")
    repeated = len(counts) - counts["image"].n_unique()
    print(f"manifest: {len(counts):,} rows, {repeated:,} of them exact duplicates of another")


def main(params: Params, path: Path = paths.MANIFEST) -> None:
    section = params.manifest
    write_manifest(
        path,
        section.datasets,
        heads=params.heads,
        bad_share=section.bad_share,
        min_side=section.min_side,
        max_pixels=section.max_pixels,
        seed=params.seed,
        threads=params.threads,
    )


if __name__ == "__main__":
    run_stage(main)
