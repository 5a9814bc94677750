from pathlib import Path

import pytest

from distillery.files import whole_file, whole_folder


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "new" / "x.txt"
    with whole_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_exception_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path):
    path = tmp_path / "x.txt"
    path.write_text("old")

    def fail_halfway() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_the_old_one_entirely(tmp_path: Path):
    path = tmp_path / "f"
    path.mkdir()
    (path / "old").write_text("old")
    with whole_folder(path) as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep" / "new").write_text("new")
        assert (path / "old").exists()
    assert [str(found.relative_to(path)) for found in sorted(path.rglob("*"))] == ["deep", "deep/new"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_leaves_the_old_folder_and_nothing_beside_it(tmp_path: Path):
    path = tmp_path / "f"
    path.mkdir()
    (path / "old").write_text("old")

    def fail_halfway() -> None:
        with whole_folder(path) as temporary:
            (temporary / "new").write_text("new")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_halfway()
    assert [found.name for found in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]
