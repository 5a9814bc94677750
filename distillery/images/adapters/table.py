"""A CSV or Parquet file with a ``path`` column and label columns."""

import csv
import io
import math
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
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
PART = 4096  # rows that are Python objects at a time
# How polars renames a column whose name was taken: nobody can say which of the two was meant.
TAKEN = re.compile(r"(.*)_duplicated_\d+")


def read_table_rows(folder: Path, table: str | None, identity: str | None, path_column: str) -> Iterator[Sighting]:
    """A row per image: its path (relative to the folder), optional ``split`` and identity, labels in all columns."""
    if table is None:
        raise DistilleryError(
            f"{folder}: the adapter 'table' needs the key 'table', a CSV or Parquet file in the folder"
        )
    frame, paths = _read(folder, table, path_column)
    if identity is not None and identity not in frame.columns:
        raise DistilleryError(f"{folder / table}: no identity column '{identity}'; found: {frame.columns}")
    order = sorted(range(len(paths)), key=lambda number: paths[number].replace("/", "\0"))  # as paths are ordered
    for number, row in zip(order, _rows(folder / table, frame, order), strict=True):
        yield Sighting(
            path=Path(paths[number]),
            split=_text(row.get(SPLIT_COLUMN)) or ALL,
            identity=None if identity is None else _text(row[identity]),
            labels=row,
        )


def read_labels(folder: Path, table: str, sightings: Iterable[Sighting], path_column: str) -> Iterator[Sighting]:
    """Add the labels of a side table to images that a layout listed; images that it lacks stay unlabelled."""
    frame, paths = _read(folder, table, path_column)
    if twice := [path for path, count in Counter(paths).items() if count > 1]:
        raise DistilleryError(f"{folder / table}: names a path twice, first {Path(twice[0]).relative_to(folder)}")
    numbers = {path: number for number, path in enumerate(paths)}
    empty, waiting = dict.fromkeys(frame.columns), iter(sightings)
    while part := list(islice(waiting, PART)):
        found = [numbers.pop(str(sighting.path), None) for sighting in part]
        rows = _rows(folder / table, frame, [number for number in found if number is not None])
        for sighting, number in zip(part, found, strict=True):
            yield sighting.with_labels(sighting.labels | (empty if number is None else next(rows)))
    if numbers:
        raise DistilleryError(
            f"{folder / table}: {len(numbers)} paths are no image of the data set, first {min(numbers)}"
        )


def _read(folder: Path, table: str, path_column: str) -> tuple[pl.DataFrame, list[str]]:
    """The table, and the path that each of its rows names."""
    path = _inside(folder, table, folder)
    with _readable(path):
        check_inside_project(path)
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            raise DistilleryError(f"{path}: cannot be read as a table (not a regular file)")
        frame = _frame(path)
        _check_columns(frame, path_column, path)
        return frame, [str(_inside(folder, value, path)) for value in frame[path_column]]


def _rows(table: Path, frame: pl.DataFrame, numbers: Sequence[int]) -> Iterator[dict[str, object]]:
    """Some rows in the given order, a part of them as Python objects at a time."""
    for start in range(0, len(numbers), PART):
        with _readable(table):
            rows = frame[numbers[start : start + PART]].to_dicts()
        yield from rows


@contextmanager
def _readable(table: Path) -> Iterator[None]:
    try:
        yield
    except DistilleryError:
        raise
    except UNREADABLE as error:
        raise DistilleryError(f"{table}: cannot be read as a table ({str(error)[:MAX_REASON]})") from error


def _frame(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        # By Arrow: polars aborts the process on some damaged files, where Arrow raises.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            rows = file.read()
        rows.validate(full=True)
        return pl.DataFrame(rows)
    # All rows decide a column's type: a number in the first hundred proves nothing about the rest.
    # From memory: reading a file polars waits for ever where there is too little of it for the threads that read.
    content = path.read_bytes()
    try:
        return pl.read_csv(content, infer_schema_length=None)
    except pl.exceptions.ComputeError as error:
        raise _ragged(path, content) or error from None


def _ragged(path: Path, content: bytes) -> DistilleryError | None:
    """Which line has more fields than the first, if one has: polars does not say."""
    lines = csv.reader(io.StringIO(content.decode(errors="replace")))
    with suppress(csv.Error):
        width = len(next(lines, []))
        for fields in lines:
            if len(fields) > width:
                return DistilleryError(f"{path}, line {lines.line_num}: {len(fields)} fields; line 1 names {width}")
    return None


def _check_columns(frame: pl.DataFrame, path_column: str, table: Path) -> None:
    for column in frame.columns:
        if (match := TAKEN.fullmatch(column)) and match[1] in frame.columns:
            raise DistilleryError(f"{table}: names the column '{match[1]}' twice; remove or rename one")
    if path_column not in frame.columns:
        raise DistilleryError(
            f"{table}: no path column '{path_column}'; found: {frame.columns}; path_column of the data set says which"
        )
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
