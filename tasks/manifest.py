"""Reads the raw data sets; writes ``data/manifest.parquet``. Decodes every image once.

Interrupted, it keeps what it has decoded for the next call.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from distillery.errors import DistilleryError
from distillery.files import part_path
from distillery.heads import AnyHeads
from distillery.images.adapters import Sighting, read_dataset
from distillery.images.manifest import MAX_NAMED, Source, assign_splits, build_rows, name_images
from distillery.params import Params
from distillery.params.sections import Dataset
from distillery.tables import READABLE, manifest_schema, write_table
from tasks.support import paths
from tasks.support.command import run_stage
from tasks.support.progress import Progress
from tasks.support.provenance import DECODING, code_hash
from tasks.support.resuming import mark_of, read_part, resumable_parts, write_part

PART = 4096  # images


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
    rows, sources = [], []
    with resumable_parts("manifest") as parts:
        for name, dataset in datasets.items():
            sightings = read_dataset(
                dataset.adapter,
                Path(dataset.path),
                heads=dataset.heads,
                table=dataset.table,
                path_column=dataset.path_column,
                identity=dataset.identity,
            )
            limits = {"min_side": min_side, "max_pixels": max_pixels}
            named = list(_named(name, sightings, parts / name, limits, threads))
            source = Source(name=name, domain=dataset.domain, shares=dataset.splits, spellings=dataset.rename)
            sources.append(source)
            rows += build_rows(source, sightings, named, heads)
            _report_damage(name, sightings, [status for _, status in named], bad_share)
        table = assign_splits(rows, sources, heads, seed)
        _print_counts(pl.DataFrame(table))
        return write_table(table, manifest_schema(heads), path)


def _named(
    dataset: str, sightings: Sequence[Sighting], folder: Path, limits: Mapping[str, int], threads: int
) -> Iterator[tuple[str, str]]:
    """``name_images`` part by part; a part that an interrupted call finished is kept while its files stay untouched."""
    folder.mkdir(exist_ok=True)
    progress, code = Progress(f"manifest {dataset}", len(sightings)), code_hash(DECODING)
    with ThreadPoolExecutor(threads) as pool:
        for number, start in enumerate(range(0, len(sightings), PART)):
            part, path = sightings[start : start + PART], part_path(folder, number, ".json")
            mark = mark_of(code, dict(limits), [_state(sighting) for sighting in part])
            found = read_part(path, mark)
            if found is None:
                found = {"named": name_images(part, **limits, pool=pool)}
                write_part(path, mark, found)
            yield from map(tuple, found["named"])
            progress(start + len(part))


def _state(sighting: Sighting) -> tuple[str, str | None, int, int]:
    try:
        found = sighting.path.stat()
    except OSError:
        return str(sighting.path), sighting.problem, 0, 0
    return str(sighting.path), sighting.problem, found.st_size, found.st_mtime_ns


def _report_damage(name: str, sightings: list[Sighting], statuses: list[str], bad_share: float) -> None:
    rows = zip(sightings, statuses, strict=True)
    bad = [f"  {sighting.path}: {status}" for sighting, status in rows if status != READABLE]
    text = "\n".join([f"{len(bad)} of {len(statuses)} images cannot be used, for instance", *bad[:MAX_NAMED]])
    if len(bad) > bad_share * len(statuses):
        raise DistilleryError(f"data set '{name}': more than manifest.bad_share {bad_share:g} allows: {text}")
    if bad:
        print(f"manifest {name}: {text}")


def _print_counts(table: pl.DataFrame) -> None:
    for (dataset, split), rows in table.group_by("dataset", "split", maintain_order=True):
        usable = (rows["status"] == READABLE).sum()
        print(f"manifest {dataset}, {split}: {usable:,} usable of {len(rows):,}")
    repeated = len(table) - table["image"].n_unique()
    print(f"manifest: {len(table):,} rows, {repeated:,} of them exact duplicates of another")


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
