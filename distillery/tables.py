"""The three tables, declared once: manifest, predictions, pseudo-labels; checked on writing, versioned."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from distillery.errors import DistilleryError
from distillery.files import whole_file
from distillery.heads import Classification, Detection, Head, Heads, names

VERSION = "1"
SPLITS = ("train", "val", "test", "unlabelled", "audit")
POOL = ("unlabelled", "audit")  # what is pseudo-labelled with its own labels hidden
READABLE = "ok"
CHECKSUM = "distillery.checksum"  # in a file's metadata: how many bytes, and their CRC-32
CHUNK = 1 << 20
MAX_REASON = 300  # characters
_NAME = pa.dictionary(pa.int32(), pa.string())


def manifest_schema(heads: Heads) -> pa.Schema:
    """A row per image file; then one column per head, null where the cell is empty."""
    fields = [("image", pa.string()), ("path", pa.string()), ("dataset", _NAME), ("domain", _NAME)]
    fields += [("split", _NAME), ("identity", pa.string()), ("status", pa.string())]
    return pa.schema(fields + [(name, _label_type(head)) for name, head in heads.items()])


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
    """A row per image; per head soft and hard value, weight (0: refused), confidence and the reason."""
    fields = [("image", pa.string())]
    for name, head in heads.items():
        wide = pa.list_(pa.float32(), len(names(head)))
        each = pa.float32() if isinstance(head, Classification) else wide
        fields += [(f"{name}_soft", wide), (f"{name}_hard", _label_type(head)), (f"{name}_weight", each)]
        fields += [(f"{name}_confidence", each), (f"{name}_reason", _NAME)]
    return pa.schema(fields)


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
    with (
        whole_file(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pq.ParquetWriter(sink, schema, compression="zstd") as writer,
    ):
        for part in parts:
            try:
                writer.write_table(part.select(schema.names).cast(schema))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, KeyError) as error:
                raise DistilleryError(f"{path}: the table does not fit its schema: {error}") from error
        sink.flush()
        writer.add_key_value_metadata({CHECKSUM: f"{sink.tell()} {_checksum(temporary, sink.tell())}"})
    return path


def read_table(path: Path, columns: Sequence[str] | None = None, *, schema: pa.Schema | None = None) -> pl.DataFrame:
    """Read one Parquet file or every shard of a folder, in the order of their names.

    Args:
        columns: those to read; None reads all.
        schema: what the columns have to be; None takes any.

    Raises:
        DistilleryError: the file is missing, not Parquet, damaged, of another schema version, or a column is missing
            or of another type than the schema's or that of the shard before.
    """
    return pl.concat(list(read_parts(path, columns, schema=schema)))


def read_parts(
    path: Path, columns: Sequence[str] | None = None, *, schema: pa.Schema | None = None
) -> Iterator[pl.DataFrame]:
    """The same shard by shard, for what should not be in memory at once."""
    before: pl.Schema | None = None
    for file in table_files(path):
        found = read_metadata(file).get("distillery.schema")
        if found != VERSION:
            raise DistilleryError(f"{file}: schema version {found!r}, this version reads {VERSION!r}")
        _check_columns(file, columns, schema)
        part = _read_rows(file, columns)
        if part.schema != (before := before or part.schema):
            raise DistilleryError(f"{file}: has other columns than the shard before it")
        yield part


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
    return {key: value for key, value in _notes(path).items() if key not in ("ARROW:schema", CHECKSUM)}


def _notes(path: Path) -> dict[str, str]:
    try:
        found = pq.read_metadata(path).metadata or {}
        return {key.decode(): value.decode() for key, value in found.items()}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DistilleryError(f"{path}: not a readable Parquet file ({_short(error)})") from error


def _check_columns(path: Path, columns: Sequence[str] | None, schema: pa.Schema | None) -> None:
    if schema is None:
        return
    try:
        found = pq.read_schema(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DistilleryError(f"{path}: not a readable Parquet file ({_short(error)})") from error
    for name in schema.names if columns is None else columns:
        # A foreign file may have a column twice.
        types = [found.field(index).type for index in found.get_all_field_indices(name)]
        if types != [schema.field(name).type]:
            names = ", ".join(map(str, types)) or "no such column"
            raise DistilleryError(f"{path}: column {name!r}: found {names}; it must be {schema.field(name).type}")


def _read_rows(path: Path, columns: Sequence[str] | None) -> pl.DataFrame:
    length, _, wanted = _notes(path).get(CHECKSUM, "").partition(" ")
    if not length.isdigit() or _checksum(path, int(length)) != wanted:
        raise DistilleryError(
            f"{path}: damaged Parquet file (its checksum differs); run the stage that writes it again"
        )
    try:
        return pl.read_parquet(path, columns=None if columns is None else list(columns))
    except pl.exceptions.ColumnNotFoundError as error:
        raise DistilleryError(f"{path}: lacks a column ({error}); run the stage that writes it again") from error
    # The footer has no checksum, and polars panics at what it can be made to say.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DistilleryError(f"{path}: damaged Parquet file ({_short(error)})") from error


def _checksum(path: Path, length: int) -> str:
    """CRC-32 of a file's first bytes: all of a table but the footer, where the checksum stands."""
    found = 0
    with path.open("rb") as file:
        while length > 0 and (content := file.read(min(length, CHUNK))):
            found = zlib.crc32(content, found)
            length -= len(content)
    return f"{found:08x}"


def _short(error: BaseException) -> str:
    """A damaged file has a hand in what is said about it."""
    return str(error)[:MAX_REASON]


def _label_type(head: Head) -> pa.DataType:
    match head:
        case Classification():
            return _NAME
        case Detection():
            return pa.list_(pa.bool_(), len(head.elements))
        case _:
            return pa.list_(pa.float32(), len(head.outputs))
