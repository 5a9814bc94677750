from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distillery.errors import DistilleryError
from distillery.heads import Heads
from distillery.tables import (
    VERSION,
    manifest_schema,
    predictions_schema,
    pseudo_labels_schema,
    read_metadata,
    read_table,
    write_parts,
    write_table,
)

SCHEMA = pa.schema(
    [("image", pa.string()), ("x", pa.list_(pa.float32(), 2)), ("kind", pa.dictionary(pa.int32(), pa.string()))]
)


def _table(count: int = 3, first: int = 0) -> pa.Table:
    rows = [{"image": f"i{first + i}", "x": [i, None], "kind": "ab"[i % 2]} for i in range(count)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def test_a_table_comes_back_with_its_metadata(tmp_path: Path):
    path = write_table(_table(), SCHEMA, tmp_path / "new" / "t.parquet", {"teacher": "abc"})
    found = read_table(path)
    assert found["image"].to_list() == ["i0", "i1", "i2"]
    assert found["x"].to_list() == [[0, None], [1, None], [2, None]]
    assert found["kind"].cast(pl.String).to_list() == ["a", "b", "a"]
    assert read_metadata(path) == {"distillery.schema": VERSION, "teacher": "abc"}
    assert found.dtypes == [pl.String, pl.Array(pl.Float32, 2), pl.Categorical]


@pytest.mark.parametrize(
    "read",
    [
        lambda path: pq.read_table(path).to_pylist(),
        lambda path: pl.read_parquet(path).to_dicts(),
        lambda path: pd.read_parquet(path, dtype_backend="pyarrow").to_dict("records"),
    ],
    ids=["pyarrow", "polars", "pandas"],
)
def test_a_table_with_empty_cells_is_read_without_our_code(tmp_path: Path, read: Callable):
    rows = [{"image": "i0", "x": [0, None], "kind": "a"}, {"image": "i1", "x": None, "kind": None}]
    path = write_table(pa.Table.from_pylist(rows, schema=SCHEMA), SCHEMA, tmp_path / "t.parquet")
    assert read_table(path).to_dicts() == rows
    first, second = read(path)
    assert (first["image"], list(first["x"]), first["kind"]) == ("i0", [0, None], "a")
    assert second["image"] == "i1" and pd.isna(second["x"]) and pd.isna(second["kind"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cell: [*cell, 0.0], "size"),
        (lambda cell: cell[:1], "size"),
    ],
)
def test_a_cell_of_another_width_is_refused(tmp_path: Path, change: Callable, message: str):
    """A sealed file may still be foreign: its lists are not of the size that their field notes."""
    plain = pa.schema([("x", pa.list_(pa.float32()))])
    cells = pa.table({"x": [[0.0, 1.0], change([2.0, 3.0])]}, schema=plain)
    noted = pa.schema([pa.field("x", pa.list_(pa.float32()), metadata={"size": "2"})])
    path = write_table(cells, noted, tmp_path / "t.parquet")
    with pytest.raises(DistilleryError, match=rf"t\.parquet: not a readable Parquet file .*{message}"):
        read_table(path)


def test_the_same_table_has_the_same_bytes(tmp_path: Path):
    one, two = (write_table(_table(), SCHEMA, tmp_path / name, {"a": "b"}) for name in ("1", "2"))
    assert one.read_bytes() == two.read_bytes()


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path):
    for number in (2, 0, 1):
        write_table(_table(2, first=2 * number), SCHEMA, tmp_path / f"{number:05d}.parquet")
    assert read_table(tmp_path)["image"].to_list() == [f"i{i}" for i in range(6)]


@pytest.mark.parametrize(
    "table",
    [
        _table().drop_columns(["x"]),
        _table().set_column(1, "x", pa.array([[1.0], [2.0], [3.0]], pa.list_(pa.float32(), 1))),
        _table().set_column(1, "x", pa.array(["1", "2", "3"])),
    ],
)
def test_a_table_that_does_not_fit_is_not_written(tmp_path: Path, table: pa.Table):
    with pytest.raises(DistilleryError, match=r"t\.parquet: the table does not fit its schema"):
        write_table(table, SCHEMA, tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [None, {"distillery.schema": "0"}])
def test_another_schema_version_is_refused(tmp_path: Path, version: dict | None):
    pq.write_table(_table().replace_schema_metadata(version), tmp_path / "t.parquet")
    with pytest.raises(
        DistilleryError, match=rf"t\.parquet: schema version (None|'0'), this version reads '{VERSION}'"
    ):
        read_table(tmp_path / "t.parquet")


def _flip_pages(path: Path) -> None:
    """Damage the data and keep the footer."""
    content = bytearray(path.read_bytes())
    content[8:200] = bytes(byte ^ 0x5A for byte in content[8:200])
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("image,x"),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes()[:-3]),
        _flip_pages,
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage: Callable):
    path = write_table(_table(50), SCHEMA, tmp_path / "t.parquet")
    damage(path)
    with pytest.raises(DistilleryError, match=r"t\.parquet: .*Parquet file"):
        read_table(path)


def test_a_flipped_bit_is_refused_wherever_it_is(tmp_path: Path):
    path = write_table(_table(50), SCHEMA, tmp_path / "t.parquet")
    content = path.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        with pytest.raises(DistilleryError, match=r"t\.parquet"):
            read_table(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns(["x"]), "column 'x': found no such column; it must be fixed_size_list"),
        (lambda table: table.rename_columns(["image", "y", "kind"]), "column 'x': found no such column"),
        (
            lambda table: table.set_column(0, "image", pa.array([1, 2, 3])),
            "column 'image': found int64; it must be string",
        ),
        (lambda table: table.append_column("image", table["image"]), "column 'image': found string, string"),
        (
            lambda table: table.set_column(2, "kind", pa.array(["a", "b", "a"])),
            "column 'kind': found string; .* dictionary",
        ),
    ],
)
def test_a_foreign_table_is_refused_by_its_columns(tmp_path: Path, change: Callable, message: str):
    pq.write_table(change(_table()).replace_schema_metadata({"distillery.schema": VERSION}), tmp_path / "t.parquet")
    with pytest.raises(DistilleryError, match=rf"t\.parquet: {message}"):
        read_table(tmp_path / "t.parquet", schema=SCHEMA)


def test_a_table_with_more_columns_than_asked_for_is_read(tmp_path: Path):
    write_table(_table(), SCHEMA, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet", schema=pa.schema([SCHEMA.field("kind")])).columns == SCHEMA.names


def test_shards_that_do_not_fit_together_are_refused(tmp_path: Path):
    write_table(_table(), SCHEMA, tmp_path / "0.parquet")
    write_table(_table(), pa.schema(list(SCHEMA)[:2]), tmp_path / "1.parquet")
    with pytest.raises(DistilleryError, match=r"1\.parquet: has other columns than the shard before it"):
        read_table(tmp_path)


def test_a_folder_without_shards_is_refused(tmp_path: Path):
    with pytest.raises(DistilleryError, match=r"holds no \.parquet file"):
        read_table(tmp_path)


def test_the_schemas_have_what_each_kind_of_head_needs(heads: Heads):
    manifest, predictions, pseudo = manifest_schema(heads), predictions_schema(heads), pseudo_labels_schema(heads)
    assert manifest.names[-4:] == list(heads)
    assert manifest.field("units").type == pa.list_(pa.bool_(), 3)
    assert manifest.field("place").type == pa.list_(pa.float32(), 2)
    assert predictions.field("mood_agreement").type == pa.float32()
    assert predictions.field("units_agreement").type == pa.list_(pa.float32(), 3)
    assert "place_variance" in predictions.names
    assert "place_agreement" not in predictions.names
    assert pseudo.field("mood_weight").type == pa.float32()
    assert pseudo.field("units_hard").type == pa.list_(pa.bool_(), 3)
    for schema in (manifest, predictions, pseudo):
        assert len(set(schema.names)) == len(schema.names)


def test_a_table_in_parts_is_the_table(tmp_path: Path):
    parts = (_table(2, first=2 * number) for number in range(3))
    write_parts(parts, SCHEMA, tmp_path / "parts.parquet")
    write_table(_table(6), SCHEMA, tmp_path / "whole.parquet")
    assert read_table(tmp_path / "parts.parquet")["image"].equals(read_table(tmp_path / "whole.parquet")["image"])


def test_a_part_that_fails_leaves_no_file(tmp_path: Path):
    with pytest.raises(DistilleryError, match="does not fit its schema"):
        write_parts(iter([_table(), _table().drop_columns(["x"])]), SCHEMA, tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_only_the_columns_asked_for_are_read_and_lacking_ones_named(tmp_path: Path):
    path = write_table(_table(), SCHEMA, tmp_path / "t.parquet")
    assert read_table(path, ["kind", "image"]).columns == ["kind", "image"]
    with pytest.raises(DistilleryError, match=r"t\.parquet: column 'y': found no such column"):
        read_table(path, ["image", "y"])


def test_a_flipped_bit_of_the_values_is_never_believed(tmp_path: Path):
    path = write_table(_table(400), SCHEMA, tmp_path / "t.parquet")
    content, wanted = path.read_bytes(), read_table(path)
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    refused = 0
    for place in range(4, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        try:
            found = read_table(path)
        except DistilleryError:
            refused += 1
        else:
            assert place >= footer or found.equals(wanted), f"byte {place} was believed"
    assert refused > 100
