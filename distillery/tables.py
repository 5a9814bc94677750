"""The four tables, declared once: manifest, ledger, predictions, pseudo-labels; checked on writing, versioned."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from distillery.errors import DistilleryError
from distillery.files import SEAL, is_sealed, seal, whole_file
from distillery.heads import AnyHead, AnyHeads, Classification, Compound, Detection, Heads, Identification, names
from distillery.parquet import GROUP, as_declared, as_stored, notes, opened, read_groups, seal_place

VERSION = "3"
SPLITS = ("train", "val", "test", "unlabelled", "audit")
POOL = ("unlabelled", "audit")  # what is pseudo-labelled with its own labels hidden
READABLE = "ok"
KEPT, NEGATIVE, LABELLED = "kept", "negative", "labelled"  # reasons of a pseudo-label; others refuse it
AGAIN = "run the stage that writes it again"
_NAME = pa.dictionary(pa.int32(), pa.string())


def manifest_schema(heads: AnyHeads) -> pa.Schema:
    """A row per image file; then one column per head, null where the cell is empty."""
    fields = [("image", pa.string()), ("path", pa.string()), ("dataset", _NAME), ("domain", _NAME)]
    fields += [("split", _NAME), ("identity", pa.string()), ("status", pa.string())]
    return pa.schema(fields + [(name, _label_type(head)) for name, head in heads.items()])


def ledger_schema() -> pa.Schema:
    """A row per image that stands twice: ``exact`` (the same pixels), ``near`` (as similar as said, maybe mirrored) or
    ``crop`` (one of both shows a part of the other, as similar as said where both show the same).

    Of the last two the image is learnt from and its twin measured on; ``kept_out``: training leaves the image out.
    """
    fields = [("image", pa.string()), ("dataset", _NAME), ("split", _NAME), ("kind", _NAME)]
    fields += [("twin", pa.string()), ("twin_dataset", _NAME), ("twin_split", _NAME)]
    return pa.schema([*fields, ("similarity", pa.float32()), ("mirrored", pa.bool_()), ("kept_out", pa.bool_())])


def predictions_schema(heads: Heads) -> pa.Schema:
    """A row per image; per head the ensemble's mean, its spread over views and agreement, null in labelled cells.

    Classification and detection: mean probability; regression: mean and predictive variance, in the head's units.
    """
    fields = [("image", pa.string()), ("views", pa.int16())]
    for name, head in heads.items():
        wide = pa.list_(pa.float32(), len(names(head)))
        fields += [(name, wide), (f"{name}_std", wide)]
        match head:
            case Classification():
                fields += [(f"{name}_agreement", pa.float32())]
            case Detection():
                fields += [(f"{name}_agreement", wide)]
            case _:
                fields += [(f"{name}_variance", wide)]
    return pa.schema(fields)


def pseudo_labels_schema(heads: Heads) -> pa.Schema:
    """A row per image; per head soft and hard value, weight (0: refused), confidence and the reason.

    Of a classification also the classes that a refused cell is surely not of, ``negative``.
    """
    fields = [("image", pa.string())]
    for name, head in heads.items():
        wide = pa.list_(pa.float32(), len(names(head)))
        each = pa.float32() if isinstance(head, Classification) else wide
        fields += [(f"{name}_soft", wide), (f"{name}_hard", _label_type(head)), (f"{name}_weight", each)]
        fields += [(f"{name}_confidence", each), (f"{name}_reason", _NAME)]
        if isinstance(head, Classification):
            fields += [(f"{name}_negative", pa.list_(pa.bool_(), len(head.classes)))]
    return pa.schema(fields)


def people(manifest: pl.DataFrame) -> list[str]:
    """Whom each row shows, or else its image: what is drawn or split as a whole."""
    return manifest.select(pl.coalesce("identity", "image")).to_series().to_list()


def even_steps(rows: int, most: int) -> np.ndarray:
    """Places of at most so many of a table's rows, at even steps from the first to the last, each once: int64."""
    return np.unique(np.linspace(0, rows - 1, most).round().astype(np.int64))


def write_table(table: pa.Table, schema: pa.Schema, path: Path, metadata: Mapping[str, str] | None = None) -> Path:
    """Write one Parquet file, whole or not at all.

    Raises:
        DistilleryError: the table does not fit the schema.
    """
    return write_parts([table], schema, path, metadata)


def write_parts(
    parts: Iterable[pa.Table], schema: pa.Schema, path: Path, metadata: Mapping[str, str] | None = None
) -> Path:
    """The same of a table that comes in parts, one of which is held in memory at a time.

    Raises:
        DistilleryError: a part does not fit the schema.
    """
    schema = schema.with_metadata({"distillery.schema": VERSION, **(metadata or {})})
    stored = as_stored(schema)
    with whole_file(path) as temporary:
        with pa.OSFile(str(temporary), "wb") as sink, pq.ParquetWriter(sink, stored, compression="zstd") as writer:
            for part in parts:
                try:
                    writer.write_table(part.select(schema.names).cast(schema).cast(stored), row_group_size=GROUP)
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, KeyError) as error:
                    raise DistilleryError(f"{path}: the table does not fit its schema: {error}") from error
            sink.write(bytes(SEAL))
        seal(temporary, seal_place(temporary))
    return path


def read_table(
    path: Path, columns: Sequence[str] | None = None, *, schema: pa.Schema | None = None, only: pl.Expr | None = None
) -> pl.DataFrame:
    """Read one Parquet file or every shard of a folder, in the order of their names.

    Args:
        columns: those to read; None reads all.
        schema: what the columns have to be; None takes any.
        only: which rows are wanted; the others never are in memory together.

    Raises:
        DistilleryError: the file is missing, not Parquet, damaged, of another schema version, or a column is missing
            or of another type than the schema's or that of the shard before.
    """
    parts = _read_files(path, columns, schema)
    return pl.concat([part if only is None else part.filter(only) for part in parts])


def read_parts(path: Path, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """The same, ``parquet.GROUP`` rows at most at a time, for what should not be in memory at once."""
    return (part for part in _read_files(path, columns, None) if len(part))


def table_files(path: Path) -> list[Path]:
    """The file itself, or a folder's shards.

    Raises:
        DistilleryError: the folder holds none.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise DistilleryError(f"{path}: holds no .parquet file")
    return files


def read_metadata(path: Path) -> dict[str, str]:
    """The notes in a Parquet file's footer: the schema's version and what the table was made from."""
    with opened(path) as file:
        return notes(file)


def _read_files(path: Path, columns: Sequence[str] | None, schema: pa.Schema | None) -> Iterator[pl.DataFrame]:
    """Of each file an empty table and its groups of rows."""
    before: pl.Schema | None = None
    for file in table_files(path):
        for part in _read_file(file, columns, schema):
            if part.schema != (before := before or part.schema):
                raise DistilleryError(f"{file}: has other columns than the shard before it")
            yield part


def _read_file(path: Path, columns: Sequence[str] | None, schema: pa.Schema | None) -> Iterator[pl.DataFrame]:
    with opened(path) as file:
        if (version := notes(file).get("distillery.schema")) != VERSION:
            raise DistilleryError(f"{path}: schema version {version!r}, this version reads {VERSION!r}; {AGAIN}")
        wanted = as_declared(file.schema_arrow)
        _check_columns(path, wanted, schema.names if schema and columns is None else columns or wanted.names, schema)
        # Before its values are believed: a flipped bit in a footer makes other ones.
        if not is_sealed(path, seal_place(path)):
            raise DistilleryError(f"{path}: damaged Parquet file (its checksum differs); {AGAIN}")
        yield from read_groups(file, [wanted.field(name) for name in columns or wanted.names])


def _check_columns(path: Path, found: pa.Schema, names: Sequence[str], schema: pa.Schema | None) -> None:
    for name in names:
        # A foreign file may have a column twice.
        types = [found.field(index).type for index in found.get_all_field_indices(name)]
        wanted = [schema.field(name).type] if schema else types[:1]
        if not types or types != wanted:
            must = f"it must be {wanted[0]}" if schema else AGAIN
            kinds = ", ".join(map(str, types)) or "no such column"
            raise DistilleryError(f"{path}: column {name!r}: found {kinds}; {must}")


def _label_type(head: AnyHead) -> pa.DataType:
    match head:
        case Classification() | Identification() | Compound():
            return _NAME
        case Detection():
            return pa.list_(pa.bool_(), len(head.elements))
        case _:
            return pa.list_(pa.float32(), len(head.outputs))
