"""Tables of data sets, as bytes and as columns, through to label cells; and our own tables with bytes changed."""

import datetime
from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

from distillery.errors import DistilleryError
from distillery.heads import Classification, Detection, Heads, Regression
from distillery.images.adapters import read_dataset
from distillery.images.labels import LabelError, parse_label
from distillery.tables import manifest_schema, predictions_schema, read_metadata, read_table, write_table
from tests.fuzz.answers import answer
from tests.fuzz.mutations import mutated

HEADS: Heads = {
    "mood": Classification(kind="classification", classes=("calm", "glad")),
    "units": Detection(kind="detection", elements=("left", "right")),
    "place": Regression(kind="regression", outputs=("x", "y"), range=(-1, 1)),
}
COLUMNS = {"mood": "mood", "units": ("left", "right"), "place": ("x", "y")}
CSV = (
    b"path,who,split,mood,left,right,x,y\na.png,1,train,calm,0,1,0.5,-0.5\nb/c.png,,test,,,,,\n",
    b'path,mood,left,right,x,y\n"d, e.png",glad,true,false,1,1\n"f ""g"".png",sad,0.0,1.0,nan,inf\n',
    "path,mood,left,right,x,y,who\r\nä.png,calm,1,1,1e-3,-1,0\r\n".encode(),
)


def _parquet(frame: pl.DataFrame) -> bytes:
    with BytesIO() as file:
        frame.write_parquet(file)
        return file.getvalue()


def csv() -> st.SearchStrategy[bytes]:
    return mutated(CSV)


def parquet() -> st.SearchStrategy[bytes]:
    return mutated([_parquet(pl.read_csv(text)) for text in CSV])


def columns() -> st.SearchStrategy[dict[str, list]]:
    """Columns of any type under the names that are asked for."""
    kinds = [
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.text(max_size=8),
        st.booleans(),
        st.binary(max_size=4),
        st.dates(),
        st.datetimes(),
        st.timedeltas(max_value=datetime.timedelta(days=10**5), min_value=datetime.timedelta(days=-(10**5))),
        st.lists(st.floats(), max_size=2),
        st.fixed_dictionaries({"a": st.integers(0, 9)}),
        st.sampled_from(["calm", "glad", "0", "1", "true", "0.5", ".", "..", "a/b.png", "\0", "\\"]),
    ]
    column = st.sampled_from(kinds).flatmap(lambda kind: st.lists(kind | st.none(), min_size=2, max_size=2))
    names = ["path", "who", "split", "mood", "left", "right", "x", "y"]
    paths = st.lists(st.sampled_from(["a.png", "b/c.png", "", "\0", "ä.png"]), min_size=2, max_size=2)
    return st.fixed_dictionaries({"path": paths | column}, optional=dict.fromkeys(names[1:], column))


def check_csv(content: bytes, folder: Path) -> None:
    _check(content, folder, "rows.csv")


def check_parquet(content: bytes, folder: Path) -> None:
    _check(content, folder, "rows.parquet")


def check_columns(found: dict[str, list], folder: Path) -> None:
    _check(_parquet(pl.DataFrame(found, strict=False)), folder, "rows.parquet")


def _check(content: bytes, folder: Path, name: str) -> None:
    """Images with labels, or an error that names the table; cells that a manifest can hold, or what is wrong."""
    (folder / name).write_bytes(content)
    options = {"heads": COLUMNS, "table": name, "identity": "who"}
    sightings, reason = answer(DistilleryError, lambda: list(read_dataset("table", folder, **options)))
    assert str(folder) in reason if reason else sightings
    rows = []
    for sighting in sightings or ():
        row = {"image": "x", "path": str(sighting.path), "identity": sighting.identity, "split": sighting.split}
        for head in HEADS:
            raw = sighting.labels[head]
            row[head], reason = answer(LabelError, parse_label, HEADS[head], raw, {"1": "calm", "2": None})
            assert len(reason) < 500
        rows.append(row)
    pa.Table.from_pylist(rows, schema=manifest_schema(HEADS))


def ours(folder: Path) -> tuple[bytes, ...]:
    """A manifest and predictions, as they are written."""
    manifest = [{"image": f"i{i}", "path": f"{i}.png", "mood": "calm", "units": [True, None]} for i in range(20)]
    predictions = [{"image": f"i{i}", "views": 6, "mood": [0.5, 0.5], "place": [0.1, 0.2]} for i in range(20)]
    found = []
    for rows, schema in ((manifest, manifest_schema(HEADS)), (predictions, predictions_schema(HEADS))):
        full = pa.Table.from_pylist(rows, schema=schema)
        found.append(write_table(full, schema, folder / "t.parquet", {"teacher": "abc"}).read_bytes())
    return tuple(found)


def check_ours(content: bytes, folder: Path, sound: tuple[bytes, ...]) -> None:
    """A table is read only if no byte of it differs; its notes are read or refused."""
    path = folder / "t.parquet"
    path.write_bytes(content)
    for read in (read_table, read_metadata):
        _, reason = answer(DistilleryError, read, path)
        if reason:
            assert "t.parquet" in reason and len(reason) < 1000
        else:
            assert read is read_metadata or content in sound
