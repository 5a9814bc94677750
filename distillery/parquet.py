"""How a table lies in a Parquet file, and how it is read from one: by pyarrow, in this thread, group by group.

polars' own reader waits for ever where memory is too short to start its threads.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from distillery.errors import DistilleryError
from distillery.files import SEAL

GROUP = 1 << 16  # rows that are encoded, and decoded, at a time
MAX_REASON = 300  # characters
SIZE = b"size"


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file for reading.

    Raises:
        DistilleryError: it is missing or not Parquet, or what is read of it meanwhile is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except pa.ArrowMemoryError:  # says nothing about the file
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error)[:MAX_REASON]  # a damaged file has a hand in what is said about it
        raise DistilleryError(f"{path}: not a readable Parquet file ({reason})") from error


def as_column(values: np.ndarray, null: np.ndarray) -> pa.Array:
    """Values [rows], or [rows, width] as lists of fixed size, with nulls where ``null``, bool [rows], says so."""
    if values.ndim == 1:
        return pa.array(values, mask=null)
    flat = pa.array(np.ascontiguousarray(values).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=pa.array(null))


def notes(file: pq.ParquetFile) -> dict[str, str]:
    """What stands in its footer beside the columns."""
    found = file.metadata.metadata or {}
    return {key.decode(): value.decode() for key, value in found.items() if key != b"ARROW:schema"}


def read_groups(file: pq.ParquetFile, fields: Sequence[pa.Field]) -> Iterator[pl.DataFrame]:
    """Some columns, as declared: an empty table, then one for each group of rows."""
    yield _to_polars(pa.schema(fields).empty_table(), fields)
    for group in range(file.num_row_groups):
        yield _to_polars(file.read_row_group(group, [field.name for field in fields], use_threads=False), fields)


def _to_polars(rows: pa.Table, fields: Sequence[pa.Field]) -> pl.DataFrame:
    rows.validate(full=True)  # a file may be sealed and foreign
    # Column by column: as a batch of unlike columns polars meets slices of lists of fixed size, and refuses them.
    return pl.DataFrame([pl.Series(field.name, rows[field.name].cast(field.type)) for field in fields])


def as_stored(schema: pa.Schema) -> pa.Schema:
    """As a file holds it: lists of fixed size as plain lists, whose fields note the size.

    For pyarrow, to 25 at least, cannot read a list of fixed size where a cell is empty (apache/arrow#35692).
    """
    return pa.schema([_as_plain_list(field) for field in schema], schema.metadata)


def as_declared(schema: pa.Schema) -> pa.Schema:
    """The schema that a file's was made of; without its metadata."""
    return pa.schema([_as_fixed_list(field) for field in schema])


def _as_plain_list(field: pa.Field) -> pa.Field:
    if not pa.types.is_fixed_size_list(field.type):
        return field
    return pa.field(field.name, pa.list_(field.type.value_type), metadata={SIZE: str(field.type.list_size)})


def _as_fixed_list(field: pa.Field) -> pa.Field:
    size = (field.metadata or {}).get(SIZE)
    if size is None or not pa.types.is_list(field.type):
        return pa.field(field.name, field.type)
    return pa.field(field.name, pa.list_(field.type.value_type, int(size)))


def seal_place(path: Path) -> int:
    """Between the last page and the footer, where Parquet's readers look past it."""
    with path.open("rb") as file:
        size = file.seek(-8, os.SEEK_END) + 8
        return size - 8 - int.from_bytes(file.read(4), "little") - SEAL
