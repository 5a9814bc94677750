"""Files and folders that appear whole or not at all: written beside, flushed to disk, renamed.

Killed at any moment, a path holds its former content or the new one. What a killed process leaves beside it ends in
``.tmp`` and is taken over by whoever writes the path next. Two processes cannot write one path at once.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

SEAL = 16  # bytes: a name and the CRC-32 of a file's other bytes
CHUNK = 1 << 20
HERE, EXCHANGE = -100, 2  # AT_FDCWD of fcntl.h, RENAME_EXCHANGE of linux/fs.h
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on a clean exit it is flushed and renamed to ``path``.

    Raises:
        BlockingIOError: another process is writing ``path``.
        OSError: a disk is full, and the error says which file did not fit.
    """
    with _draft(path, os.O_RDWR | os.O_CREAT) as draft:
        yield draft
        _flush(draft)
        if path.is_dir():
            _swap(draft, path)
        else:
            draft.replace(path)
        _flush(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on a clean exit it replaces ``path``; raises as ``whole_file``."""
    _draft_path(path).mkdir(parents=True, exist_ok=True)
    with _draft(path, os.O_RDONLY | os.O_DIRECTORY) as draft:
        yield draft
        flush_folder(draft)
        _swap(draft, path)
        _flush(path.parent)


def file_hash(path: Path) -> str:
    """A 128-bit hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=16)).hexdigest()


def flush_folder(folder: Path) -> None:
    """A folder and everything in it on the disk, before a rename says that it is."""
    for inner in (*folder.rglob("*"), folder):
        _flush(inner)


def part_path(folder: Path, number: int, suffix: str) -> Path:
    """Where part ``number`` of a folder of parts lies: names sort as the numbers do."""
    return folder / f"{number:05d}{suffix}"


def keep_parts(folder: Path, count: int, suffix: str) -> None:
    """Remove what is not one of the first ``count`` parts: left by a run that was stopped and had more of them."""
    wanted = {part_path(folder, number, suffix) for number in range(count)}
    for stale in set(folder.iterdir()) - wanted:
        _remove(stale)


@contextmanager
def _draft(path: Path, flags: int) -> Iterator[Path]:
    """An empty draft beside ``path`` that nobody else writes; gone afterwards unless it was renamed."""
    draft = _draft_path(path)
    draft.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(draft, flags, 0o666)
    try:
        _lock(descriptor, draft)
        _empty(draft, descriptor)
        try:
            yield draft
        except OSError as error:
            raise _named(error, path) from error
        finally:
            # What cannot be removed hides no error; whoever writes the path next fails on it or removes it.
            with suppress(OSError):
                _remove(draft)
    finally:
        os.close(descriptor)


def _named(error: OSError, path: Path) -> OSError:
    """Writing to an open file fails without saying which, and polars gives the number in words only."""
    found = re.search(r"\(os error (\d+)\)", str(error))
    number = int(found[1]) if found else error.errno
    if error.filename is not None or number not in FULL:
        return error
    return OSError(number, os.strerror(number), str(path))


def _lock(descriptor: int, draft: Path) -> None:
    """Hold the draft until it is closed; the system lets go of what a killed process held."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who wrote it may have renamed it between our opening and locking it: then it is the finished file.
        mine = draft.exists() and os.path.samestat(os.fstat(descriptor), draft.stat())
    except BlockingIOError:
        mine = False
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK):
            raise
        mine = True  # network file systems may know no locks
    if not mine:
        raise BlockingIOError(errno.EAGAIN, "another process is writing it; wait until that one ends", str(draft))


def _empty(draft: Path, descriptor: int) -> None:
    if draft.is_dir():
        for inner in draft.iterdir():
            _remove(inner)
    else:
        os.ftruncate(descriptor, 0)


def _swap(draft: Path, path: Path) -> None:
    """Put the draft at ``path`` in one step, or in two where the file system cannot exchange.

    Between the two ``path`` is absent, which every stage takes as: not made yet.
    """
    former = path.with_name(f".{path.name}.former.tmp")
    _remove(former)
    if not os.path.lexists(path):
        draft.rename(path)
    elif not _exchange(draft, path):
        path.rename(former)
        draft.rename(path)
        _remove(former)


def _exchange(one: Path, other: Path) -> bool:
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) == 0


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _draft_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def seal(path: Path, place: int) -> None:
    """Write the checksum of all other bytes over the ``SEAL`` bytes that were left for it at ``place``."""
    with path.open("r+b") as file:
        wanted = _sum(file, place)
        file.seek(place)
        file.write(wanted)


def is_sealed(path: Path, place: int) -> bool:
    """Whether every byte is what it was when the file was sealed."""
    with path.open("rb") as file:
        if place < 0:
            return False
        file.seek(place)
        return file.read(SEAL) == _sum(file, place)


def _sum(file: BinaryIO, place: int) -> bytes:
    found = position = file.seek(0)
    while content := file.read(min(CHUNK, place - position) if position < place else CHUNK):
        found = zlib.crc32(content, found)
        position += len(content)
        if position == place:
            file.seek(SEAL, os.SEEK_CUR)
    return b"CRC-32 %08x\n" % found


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
