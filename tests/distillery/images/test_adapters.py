from pathlib import Path
from typing import Any

import polars as pl
import pytest

from distillery.errors import DistilleryError
from distillery.images.adapters import Sighting, read_dataset

UTK = {"age": "age", "gender": "gender"}


def listed(*arguments: Any, **options: Any) -> list[Sighting]:
    return list(read_dataset(*arguments, **options))


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def _seen(folder: Path, found: list[Sighting]) -> list[str]:
    return [str(sighting.path.relative_to(folder)) for sighting in found]


def _write_table(folder: Path, name: str, columns: dict[str, list]) -> None:
    frame = pl.DataFrame(columns)
    (frame.write_parquet if name.endswith(".parquet") else frame.write_csv)(folder / name)


def test_utkface_reads_its_names_and_keeps_one_that_does_not_parse(tmp_path: Path):
    names = ("1_0_2_20170109.jpg.chip.jpg", "105_1_0_2.jpg", "39_1_20170116174525125.jpg", "notes.txt")
    _touch(tmp_path, *names)
    found = {sighting.path.name: sighting for sighting in listed("utkface", tmp_path, heads=UTK)}
    assert set(found) == set(names[:3])
    assert found[names[0]].labels == {"age": "1", "gender": "0"}
    assert found[names[1]].labels == {"age": "105", "gender": "1"}
    assert found[names[1]].problem is None
    assert names[2] in (found[names[2]].problem or "")
    assert found[names[2]].labels == {"age": None, "gender": None}


def test_folders_give_split_and_class_and_skip_what_is_hidden(tmp_path: Path):
    _touch(
        tmp_path, "train/happy/b.png", "train/happy/a.PNG", "test/sad/c.jpg", "train/.cache/d.png", "train/readme.md"
    )
    found = listed("folders", tmp_path, heads={"mood": "class"})
    assert _seen(tmp_path, found) == ["test/sad/c.jpg", "train/happy/a.PNG", "train/happy/b.png"]
    assert [(s.split, s.labels["mood"]) for s in found] == [("test", "sad"), ("train", "happy"), ("train", "happy")]


def test_people_give_identities(tmp_path: Path):
    _touch(tmp_path, "Ann/1.jpg", "Ann/2.jpg", "Bob/1.jpg", "pairs.txt")
    found = listed("people", tmp_path, heads={})
    assert [(s.identity, s.split, s.labels) for s in found] == [("Ann", "all", {})] * 2 + [("Bob", "all", {})]


@pytest.mark.parametrize("table", ["labels.csv", "labels.parquet"])
def test_a_side_table_labels_some_of_the_images(tmp_path: Path, table: str):
    _touch(tmp_path, "Ann/1.jpg", "Ann/2.jpg")
    _write_table(tmp_path, table, {"file": ["Ann/2.jpg"], "sex": ["f"]})
    found = listed("people", tmp_path, heads={"gender": "sex"}, table=table, path_column="file")
    assert [(s.identity, s.labels) for s in found] == [("Ann", {"gender": None}), ("Ann", {"gender": "f"})]


def test_a_side_table_that_names_no_image_of_the_data_set_is_refused(tmp_path: Path):
    _touch(tmp_path, "Ann/1.jpg")
    _write_table(tmp_path, "labels.csv", {"path": ["Ann/9.jpg", "Ann/1.jpg"], "sex": ["f", "f"]})
    with pytest.raises(DistilleryError, match=r"labels\.csv: 1 paths are no image of the data set, first .*Ann/9\.jpg"):
        listed("people", tmp_path, heads={"gender": "sex"}, table="labels.csv")


@pytest.mark.parametrize("table", ["rows.csv", "rows.parquet"])
def test_a_table_lists_images_with_split_identity_and_labels(tmp_path: Path, table: str):
    columns = {"path": ["b.png", "a.png"], "split": ["test", None], "who": [7, None], "x": [0.5, None], "y": [1.0, 2.0]}
    _write_table(tmp_path, table, columns)
    found = listed("table", tmp_path, heads={"place": ("x", "y")}, table=table, identity="who")
    assert _seen(tmp_path, found) == ["a.png", "b.png"]
    assert [(s.split, s.identity) for s in found] == [("all", None), ("test", "7")]
    assert [s.labels["place"] for s in found] == [[None, 2.0], [0.5, 1.0]]


def test_a_numbered_split_and_identity_may_be_zero(tmp_path: Path):
    _write_table(tmp_path, "rows.csv", {"path": ["a.png", "b.png"], "split": [0, 1], "who": [0, 1]})
    found = listed("table", tmp_path, heads={}, table="rows.csv", identity="who")
    assert [(s.split, s.identity) for s in found] == [("0", "0"), ("1", "1")]


def test_an_empty_identity_is_nobody(tmp_path: Path):
    _write_table(tmp_path, "rows.parquet", {"path": ["a.png", "b.png", "c.png"], "who": ["", None, "x"]})
    found = listed("table", tmp_path, heads={}, table="rows.parquet", identity="who")
    assert [s.identity for s in found] == [None, None, "x"]


def test_a_column_that_turns_into_words_after_many_numbers_is_read(tmp_path: Path):
    who = [*map(str, range(300)), "abc"]
    _write_table(tmp_path, "rows.csv", {"path": [f"{i:03d}.png" for i in range(301)], "who": who})
    found = listed("table", tmp_path, heads={}, table="rows.csv", identity="who")
    assert [s.identity for s in found] == who


@pytest.mark.parametrize("path", ["../a.png", "/etc/a.png", "x/../../a.png", None])
def test_a_path_outside_the_folder_is_refused(tmp_path: Path, path: str | None):
    _write_table(tmp_path, "rows.parquet", {"path": ["b.png", path]})
    with pytest.raises(DistilleryError, match=r"rows\.parquet: path .* must lie inside"):
        listed("table", tmp_path, heads={}, table="rows.parquet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"table": None}, "needs the key 'table'"),
        ({"table": "gone.csv"}, r"gone\.csv: cannot be read as a table"),
        ({"table": "gone.parquet"}, r"gone\.parquet: cannot be read as a table"),
        ({"table": "noise.parquet"}, r"noise\.parquet: cannot be read as a table"),
        ({"table": "rows.csv", "path_column": "file"}, r"rows\.csv: no path column 'file'; found: \['path', 'sex'\]"),
        ({"table": "ragged.csv"}, r"ragged\.csv, line 3: 3 fields; line 1 names 2"),
        ({"table": "rows.csv", "identity": "who"}, r"rows\.csv: no identity column 'who'; found"),
        (
            {"table": "rows.csv", "heads": {"g": "gender"}},
            r"head 'g' wants the column 'gender'; found: \['path', 'sex'\]",
        ),
        ({"table": "rows.csv", "heads": {"g": ("sex", "age")}}, "head 'g' wants the column 'age'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, arguments: dict, message: str):
    (tmp_path / "noise.parquet").write_bytes(b"no parquet at all")
    _write_table(tmp_path, "rows.csv", {"path": ["a.png"], "sex": ["f"]})
    (tmp_path / "ragged.csv").write_text("path,sex\na.png,f\nb.png,f,m\n")
    with pytest.raises(DistilleryError, match=message):
        listed("table", tmp_path, **{"heads": {}, **arguments})


@pytest.mark.parametrize("adapter", ["utkface", "folders", "people"])
def test_a_folder_without_images_is_refused(tmp_path: Path, adapter: str):
    _touch(tmp_path, "a/b/notes.txt")
    with pytest.raises(DistilleryError, match=f"holds no image in the layout '{adapter}'"):
        listed(adapter, tmp_path, heads={})


def test_a_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(DistilleryError, match="gone: no such folder"):
        listed("people", tmp_path / "gone", heads={})
