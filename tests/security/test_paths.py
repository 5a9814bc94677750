import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from distillery.errors import DistilleryError
from distillery.images.adapters import Sighting, read_dataset
from distillery.images.decoding import UnreadableImageError, decode
from distillery.images.manifest import Source, label_rows, name_images

SET = Path("data/raw/set")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a picture and a table beside the project."""
    folder = tmp_path / "outside"
    (folder / "Ann").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "Ann/1.png")
    pl.DataFrame({"path": ["1.png"]}).write_csv(folder / "rows.csv")
    return folder


@pytest.fixture(autouse=True)
def project(tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an empty data set."""
    folder = tmp_path / "project"
    (folder / SET).mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def listed(*arguments: Any, **options: Any) -> list[Sighting]:
    return list(read_dataset(*arguments, **options))


def _reason(path: Path) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        decode(path, min_side=1, max_pixels=10_000)
    return str(caught.value)


def _table(paths: list) -> list[Sighting]:
    pl.DataFrame({"path": paths}).write_parquet(SET / "rows.parquet")
    return listed("table", SET, heads={}, table="rows.parquet")


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "not a regular file"),
        (_bind, "not a regular file"),
        (Path.mkdir, "not a regular file"),
        (lambda path: path.symlink_to(path.name), "cannot be opened: Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/dev/zero"), "a link leads out of the project"),
        (lambda path: path.symlink_to("gone.png"), "missing file"),
    ],
)
def test_what_is_no_file_is_refused_and_waits_for_nothing(make: Callable, reason: str):
    make(SET / "x.png")
    assert _reason(SET / "x.png") == reason


def test_a_device_is_no_file():
    assert _reason(Path("/dev/zero")) == "not a regular file"


def test_a_link_within_the_project_is_followed_and_one_out_of_it_is_not(outside: Path):
    Path(".dvc/cache").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(".dvc/cache/1a2b", "PNG")
    (SET / "in.png").symlink_to(Path(".dvc/cache/1a2b").absolute())
    (SET / "out.png").symlink_to(outside / "Ann/1.png")
    (SET / "up.png").symlink_to("../../../../outside/Ann/1.png")
    assert decode(SET / "in.png", min_side=1, max_pixels=100).size == (8, 8)
    assert _reason(SET / "out.png") == _reason(SET / "up.png") == "a link leads out of the project"


def test_a_file_in_a_folder_that_is_a_link_out_of_the_project_is_not_read(outside: Path):
    (SET / "Ann").symlink_to(outside / "Ann")
    assert _reason(SET / "Ann/1.png") == "a link leads out of the project"


@pytest.mark.parametrize(("adapter", "where"), [("people", "Ann"), ("folders", "train"), ("folders", "train/Ann")])
def test_a_folder_that_is_a_link_out_of_the_project_is_refused(outside: Path, adapter: str, where: str):
    (SET / where).parent.mkdir(exist_ok=True)
    (SET / where).symlink_to(outside / "Ann")
    with pytest.raises(DistilleryError, match=rf"{where}: a link leads out of the project, to .*outside/Ann"):
        listed(adapter, SET, heads={})


def test_a_data_set_behind_a_link_out_of_the_project_is_refused(outside: Path):
    Path("data/raw").rename("data/former")
    Path("data/raw").symlink_to(outside)
    with pytest.raises(DistilleryError, match=r"data/raw/Ann: a link leads out of the project"):
        listed("people", Path("data/raw/Ann"), heads={})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path, outside: path.symlink_to(outside / "rows.csv"), "a link leads out of the project"),
        (lambda path, _: os.mkfifo(path), "not a regular file"),
        (lambda path, _: path.mkdir(), "not a regular file"),
        (lambda path, _: path.symlink_to("/dev/zero"), "a link leads out of the project"),
    ],
)
def test_a_table_that_is_no_file_of_the_project_is_refused(outside: Path, make: Callable, message: str):
    make(SET / "rows.csv", outside)
    with pytest.raises(DistilleryError, match=rf"rows\.csv: .*{message}"):
        listed("table", SET, heads={}, table="rows.csv")


@pytest.mark.parametrize("table", ["../../../outside/rows.csv", "/etc/passwd", "x/../../rows.csv", "..\\rows.csv"])
def test_a_table_elsewhere_is_refused(table: str):
    with pytest.raises(DistilleryError, match=r"must lie inside|must be written with /"):
        listed("table", SET, heads={}, table=table)


@pytest.mark.parametrize("path", ["../a.png", "/etc/a.png", "x/../../a.png", "..\\..\\a.png", "x\\a.png", None])
def test_a_path_of_a_table_that_leads_elsewhere_is_refused(path: str | None):
    with pytest.raises(DistilleryError, match=r"rows\.parquet: path .* must (lie inside|be written with /)"):
        _table(["b.png", path])


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a" * 300, "cannot be opened: File name too long"),
        ("a/" * 5000, "cannot be opened: File name too long"),
        ("", "not a regular file"),
        (".", "not a regular file"),
        ("gone.png", "missing file"),
    ],
)
def test_a_path_that_cannot_be_opened_keeps_its_row_and_says_why(path: str, reason: str):
    (found,) = _table([path])
    assert _reason(found.path) == reason


def test_a_zero_byte_in_a_path_is_refused():
    with pytest.raises(DistilleryError, match=r"rows\.parquet: path 'a\\x00b\.png' must not hold a zero byte"):
        _table(["a\0b.png"])
    assert _reason(SET / "a\0b.png") == "cannot be opened: a zero byte in its name"


@pytest.mark.parametrize("values", [[[1]], [b"x"], [True], [1.5], [{"a": 1}]])
def test_a_column_of_paths_that_are_no_text_is_refused(values: list):
    with pytest.raises(DistilleryError, match=r"rows\.parquet: the path column 'path' holds .*; paths are text"):
        _table(values)


def test_a_column_that_is_there_twice_is_refused():
    (SET / "rows.csv").write_text("path,age,age\na.png,1,2\n")
    with pytest.raises(DistilleryError, match=r"rows\.csv: names the column 'age' twice"):
        listed("table", SET, heads={"age": "age"}, table="rows.csv")


def test_a_table_s_name_is_no_pattern():
    (SET / "[ab].csv").write_text("path\na.png\n")
    (SET / "a.csv").write_text("path\nb.png\n")
    (found,) = listed("table", SET, heads={}, table="[ab].csv")
    assert found.path.name == "a.png"


@pytest.mark.parametrize("adapter", ["utkface", "people"])
def test_a_name_that_no_table_can_hold_is_refused(adapter: str):
    Path(os.fsdecode(bytes(SET) + b"/\xff.jpg")).mkdir()
    with pytest.raises(DistilleryError, match=r"set: the name .*xff\.jpg.* is not UTF-8; rename it"):
        listed(adapter, SET, heads={})


def test_a_folder_that_may_not_be_listed_says_so():
    """As another user, for whom permissions count: nothing is forbidden to root."""
    (SET / "Ann").mkdir(mode=0)
    if os.geteuid() == 0:
        os.chown(SET / "Ann", 1, 1)
    pid = os.fork()
    if not pid:
        answer = 1
        try:
            if os.geteuid() == 0:
                os.chdir(SET)
                os.setuid(2)
            listed("people", Path() if Path("Ann").exists() else SET, heads={})
        except DistilleryError as error:
            answer = 0 if "cannot be listed (Permission denied)" in str(error) else 2
        finally:
            os._exit(answer)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_row_with_a_link_out_of_the_project_keeps_its_place_with_the_reason(outside: Path):
    (SET / "out.png").symlink_to(outside / "Ann/1.png")
    (found,) = _table(["out.png"])
    rows = label_rows(Source(name="set", domain="d", shares={}, spellings={}), [found], {})
    files = list(zip(rows["path"].to_pylist(), rows["status"].to_pylist(), strict=True))
    with ThreadPoolExecutor(1) as pool:
        named = name_images(files, min_side=1, max_pixels=10_000, pool=pool)
    assert named == [("unused:data/raw/set/out.png", "a link leads out of the project")]
