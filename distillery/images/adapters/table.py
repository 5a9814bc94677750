"""A CSV or Parquet file with a ``path`` column and label columns."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from distillery.errors import DistilleryError
from distillery.images.adapters.sighting import ALL, Sighting

SPLIT_COLUMN = "split"


def read_table_rows(folder: Path, table: str | None, identity: str | None, path_column: str) -> list[Sighting]:
    """A row per image: its path (relative to the folder), optional ``split`` and identity, labels in all columns."""
    if table is None:
        raise DistilleryError(
            f"{folder}: the adapter 'table' needs the key 'table', a CSV or Parquet file in the folder"
        )
    frame = _read(folder / table, path_column)
    if identity is not None and identity not in frame.columns:
        raise DistilleryError(f"{folder / table}: no identity column '{identity}'; found: {frame.columns}")
    return [
        Sighting(
            path=_inside(folder, row[path_column], folder / table),
            split=_text(row.get(SPLIT_COLUMN)) or ALL,
            identity=None if identity is None else _text(row[identity]),
            labels=row,
        )
        for row in frame.iter_rows(named=True)
    ]


def read_labels(table: Path, sightings: Sequence[Sighting], path_column: str) -> list[Sighting]:
    """Add the labels of a side table to images that a layout listed; images that it lacks stay unlabelled."""
    frame = _read(table, path_column)
    if len(twice := frame[path_column].filter(frame[path_column].is_duplicated())):
        raise DistilleryError(f"{table}: names a path twice, first {twice[0]}")
    rows = {_inside(table.parent, row[path_column], table): row for row in frame.iter_rows(named=True)}
    if unknown := set(rows) - {sighting.path for sighting in sightings}:
        raise DistilleryError(f"{table}: {len(unknown)} paths are no image of the data set, first {min(unknown)}")
    empty = dict.fromkeys(frame.columns)
    return [replace(sighting, labels={**sighting.labels, **rows.get(sighting.path, empty)}) for sighting in sightings]


def _read(table: Path, path_column: str) -> pl.DataFrame:
    try:
        # All rows decide a column's type: a number in the first hundred proves nothing about the rest.
        frame = pl.read_parquet(table) if table.suffix == ".parquet" else pl.read_csv(table, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DistilleryError(f"{table}: cannot be read as a table ({error})") from error
    if path_column not in frame.columns:
        raise DistilleryError(f"{table}: no path column '{path_column}'; found: {frame.columns}")
    return frame


def _text(value: object) -> str | None:
    """A split or an identity, which may be the number 0; None where the cell is empty."""
    empty = value is None or value == "" or (isinstance(value, float) and math.isnan(value))
    return None if empty else str(value)


def _inside(folder: Path, relative: object, table: Path) -> Path:
    path = folder / str(relative)
    if relative is None or ".." in Path(str(relative)).parts or Path(str(relative)).is_absolute():
        raise DistilleryError(f"{table}: path {relative!r} must lie inside {folder}")
    return path
