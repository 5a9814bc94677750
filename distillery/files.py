"""Files and folders that appear whole or not at all: written beside, flushed to disk, renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on a clean exit it is flushed and renamed to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on a clean exit it replaces ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        flush_folder(temporary)
        former = path.with_name(f".{path.name}.former.tmp")
        shutil.rmtree(former, ignore_errors=True)
        if path.exists():
            path.rename(former)  # deleting in place could be interrupted half-way
        temporary.rename(path)
        shutil.rmtree(former, ignore_errors=True)
        _flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def flush_folder(folder: Path) -> None:
    """Everything in a folder on the disk, before a rename says that it is."""
    for file in folder.rglob("*"):
        _flush(file)


def part_path(folder: Path, number: int, suffix: str) -> Path:
    """Where part ``number`` of a folder of parts lies: names sort as the numbers do."""
    return folder / f"{number:05d}{suffix}"


def keep_parts(folder: Path, count: int, suffix: str) -> None:
    """Remove what is not one of the first ``count`` parts: left by a run that was stopped and had more of them."""
    wanted = {part_path(folder, number, suffix) for number in range(count)}
    for stale in set(folder.iterdir()) - wanted:
        stale.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
