"""A CSV or Parquet file with a ``path`` column and label columns."""

import math
import re
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from distillery.errors import DistilleryError
from distillery.images.adapters.sighting import ALL, Sighting
from distillery.images.decoding import check_inside_project

SPLIT_COLUMN = "split"
# What Arrow and polars raise on a damaged file, or on a type that one of them lacks; polars even panics.
UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    OverflowError,
    NotImplementedError,
    pa.ArrowException,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)
MAX_REASON = 300  # characters
# How polars renames a column whose name was taken: nobody can say which of the two was meant.
TAKEN = re.compile(r"(.*)_duplicated_\d+")


def read_table_rows(folder: Path, table: str | None, identity: str | None, path_column: str) -> list[Sighting]:
    """A row per image: its path (relative to the folder), optional ``split`` and identity, labels in all columns."""
    if table is None:
        raise DistilleryError(
            f"{folder}: the adapter 'table' needs the key 'table', a CSV or Parquet file in the folder"
        )
    columns, rows = _read(folder, table, path_column)
    if identity is not None and identity not in columns:
        raise DistilleryError(f"{folder / table}: no identity column '{identity}'; found: {columns}")
    return [
        Sighting(
            path=_inside(folder, row[path_column], folder / table),
            split=_text(row.get(SPLIT_COLUMN)) or ALL,
            identity=None if identity is None else _text(row[identity]),
            labels=row,
        )
        for row in rows
    ]


def read_labels(folder: Path, table: str, sightings: Sequence[Sighting], path_column: str) -> list[Sighting]:
    """Add the labels of a side table to images that a layout listed; images that it lacks stay unlabelled."""
    columns, rows = _read(folder, table, path_column)
    paths = [_inside(folder, row[path_column], folder / table) for row in rows]
    if twice := [path for path, count in Counter(paths).items() if count > 1]:
        raise DistilleryError(f"{folder / table}: names a path twice, first {twice[0].relative_to(folder)}")
    labels = dict(zip(paths, rows, strict=True))
    if unknown := set(labels) - {sighting.path for sighting in sightings}:
        raise DistilleryError(
            f"{folder / table}: {len(unknown)} paths are no image of the data set, first {min(unknown)}"
        )
    empty = dict.fromkeys(columns)
    return [replace(sighting, labels={**sighting.labels, **labels.get(sighting.path, empty)}) for sighting in sightings]


def _read(folder: Path, table: str, path_column: str) -> tuple[list[str], list[dict[str, object]]]:
    """The table's columns and its rows."""
    path = _inside(folder, table, folder)
    try:
        check_inside_project(path)
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            raise DistilleryError(f"{path}: cannot be read as a table (not a regular file)")
        frame = _frame(path)
        _check_columns(frame, path_column, path)
        return frame.columns, list(frame.iter_rows(named=True))
    except DistilleryError:
        raise
    except UNREADABLE as error:
        raise DistilleryError(f"{path}: cannot be read as a table ({str(error)[:MAX_REASON]})") from error


def _frame(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        # By Arrow: polars aborts the process on some damaged files, where Arrow raises.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            rows = file.read()
        rows.validate(full=True)
        return pl.DataFrame(rows)
    # All rows decide a column's type: a number in the first hundred proves nothing about the rest.
    # From memory: reading a file polars waits for ever where there is too little of it for the threads that read.
    return pl.read_csv(path.read_bytes(), infer_schema_length=None)


def _check_columns(frame: pl.DataFrame, path_column: str, table: Path) -> None:
    for column in frame.columns:
        if (match := TAKEN.fullmatch(column)) and match[1] in frame.columns:
            raise DistilleryError(f"{table}: names the column '{match[1]}' twice; remove or rename one")
    if path_column not in frame.columns:
        raise DistilleryError(f"{table}: no path column '{path_column}'; found: {frame.columns}")
    found = frame.schema[path_column]
    if not (found.is_integer() or found in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
        raise DistilleryError(f"{table}: the path column '{path_column}' holds {found}; paths are text")


def _text(value: object) -> str | None:
    """A split or an identity, which may be the number 0; None where the cell is empty."""
    empty = value is None or value == "" or (isinstance(value, float) and math.isnan(value))
    return None if empty else str(value)


def _inside(folder: Path, relative: object, named_by: Path) -> Path:
    """A path as a table or params.yaml spells it; links are followed, and checked, when the file is opened."""
    text = str(relative)
    if relative is None or ".." in Path(text).parts or Path(text).is_absolute():
        raise DistilleryError(f"{named_by}: path {relative!r} must lie inside {folder}")
    if "\\" in text:
        raise DistilleryError(f"{named_by}: path {relative!r} must be written with /, not \\")
    if "\0" in text:
        raise DistilleryError(f"{named_by}: path {relative!r} must not hold a zero byte")
    return folder / text
