"""A file or a folder whose writer dies before any one of its system calls: the old content or the new, never half."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from distillery.files import whole_file, whole_folder

ROOT = Path(__file__).parents[2]


def write(kind: str, path: Path, text: str, last: int, *fallback: str) -> list[str] | None:
    """The system calls of a write in a process of its own; None when it was killed before its ``last`` one."""
    command = [sys.executable, "-m", "tests.faults.cut", kind, str(path), text, str(last), *fallback]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -9), done.stderr
    return done.stdout.splitlines() if done.returncode == 0 else None


def content(path: Path) -> dict[str, str]:
    if path.is_file():
        return {"": path.read_text()}
    return {str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()}


def expected(kind: str, text: str) -> dict[str, str]:
    return {"": text} if kind == "file" else {text: text, f"deep/{text}": text}


@pytest.mark.parametrize(
    ("kind", "fallback"),
    [("file", ()), ("folder", ()), ("folder", ("two-steps",))],
    ids=["file", "folder", "two-steps"],
)
def test_a_write_killed_before_any_call_leaves_old_or_new_and_the_next_one_clears_up(
    kind: str, fallback: tuple[str, ...], tmp_path: Path
):
    path = tmp_path / "tree" / "target"
    calls = write(kind, path, "old", 0, *fallback)
    total = len(write(kind, path, "again", 0, *fallback) or [])
    assert calls and total >= 8
    seen = set()
    for last in range(1, total + 1):
        write(kind, path, "old", 0, *fallback)
        assert write(kind, path, "new", last, *fallback) is None
        state = content(path)
        allowed = [expected(kind, "old"), expected(kind, "new")] + ([{}] if fallback else [])
        assert state in allowed, f"killed before call {last} of {total}"
        seen.add(next(iter(sorted(state.values())), "absent"))
        write(kind, path, "next", 0, *fallback)
        assert content(path) == expected(kind, "next")
        assert list(path.parent.iterdir()) == [path], "leftovers"
    # Absent only between the two renames, and the same command then makes it.
    assert seen == {"old", "new"} | ({"absent"} if fallback else set())


def test_everything_is_on_disk_before_it_is_named(tmp_path: Path):
    calls = write("file", tmp_path / "target", "x", 0) or []
    assert calls.index("fsync .target.tmp") < calls.index("replace .target.tmp") < calls.index(f"fsync {tmp_path.name}")
    calls = write("folder", tmp_path / "folder", "x", 0) or []
    named = calls.index("rename .folder.tmp")
    for inner in ("x", "deep", ".folder.tmp"):
        assert calls.index(f"fsync {inner}") < named
    assert calls.count("fsync x") == 2
    assert named < calls.index(f"fsync {tmp_path.name}")


def test_a_file_takes_the_place_of_a_folder_and_a_folder_that_of_a_file(tmp_path: Path):
    (tmp_path / "target" / "inner").mkdir(parents=True)
    write("file", tmp_path / "target", "x", 0)
    assert content(tmp_path / "target") == expected("file", "x")
    write("folder", tmp_path / "target", "x", 0)
    assert content(tmp_path / "target") == expected("folder", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize("write_whole", [whole_file, whole_folder])
def test_a_second_writer_is_told_and_a_dead_one_is_not_waited_for(write_whole, tmp_path: Path):
    path = tmp_path / "target"
    draft = tmp_path / ".target.tmp"
    if write_whole is whole_folder:
        draft.mkdir()
    else:
        draft.write_text("half")
    living = os.open(draft, os.O_RDONLY)
    fcntl.flock(living, fcntl.LOCK_EX)
    with pytest.raises(BlockingIOError, match=r"another process is writing it.*\.target\.tmp"), write_whole(path):
        pass
    os.close(living)
    with write_whole(path) as mine:
        if write_whole is whole_file:
            mine.write_text("mine")
    assert path.exists()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("full", [OSError(errno.ENOSPC, "x"), OSError("No space left on device (os error 28)")])
@pytest.mark.parametrize("write_whole", [whole_file, whole_folder])
def test_a_full_disk_names_the_file(write_whole, full: OSError, tmp_path: Path):
    with (
        pytest.raises(OSError, match=r"\[Errno 28\] No space left on device: '.*target'"),
        write_whole(tmp_path / "target"),
    ):
        raise full
    assert list(tmp_path.iterdir()) == []


def test_other_errors_stay_what_they_are(tmp_path: Path):
    error = OSError(errno.EMFILE, "Too many open files", "somewhere")
    with pytest.raises(OSError, match="somewhere") as found, whole_file(tmp_path / "target"):
        raise error
    assert found.value is error
