"""Work of more than a minute is kept in parts, so that a kill at any moment costs one part and no more.

DVC removes a stage's outputs before it runs: what is half done waits in ``.checkpoints/``, then moves in whole.
"""

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from distillery.files import flush_folder, whole_file, whole_folder
from tasks.support import paths


@contextmanager
def resumable_folder(target: Path) -> Iterator[Path]:
    """Yield a folder that outlives an interruption; on a clean exit it becomes ``target``.

    Whoever fills it writes whole files and marks each with what it was made of, and keeps what carries the right mark.
    """
    draft = _parts_folder("-".join(target.parts[1:]))
    yield draft
    flush_folder(draft)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    try:
        draft.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(draft, target)
        shutil.rmtree(draft)


def _copy(draft: Path, target: Path) -> None:
    """To another disk, or to another mount of the same one."""
    try:
        with whole_folder(target) as copy:
            for file in sorted(draft.rglob("*")):
                place = copy / file.relative_to(draft)
                place.mkdir() if file.is_dir() else shutil.copyfile(file, place)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


@contextmanager
def resumable_parts(name: str) -> Iterator[Path]:
    """Yield a folder for intermediate results that outlives an interruption; on a clean exit it is removed."""
    draft = _parts_folder(name)
    yield draft
    shutil.rmtree(draft)


def mark_of(*facts: object) -> str:
    """A 128-bit hash of all that a part was made of; another fact is another mark."""
    return hashlib.blake2b("\n".join(map(str, facts)).encode(), digest_size=16).hexdigest()


def write_part(path: Path, mark: str, content: Mapping[str, object]) -> None:
    """Keep a part of plain values with its mark."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps({"mark": mark, **content}))


def read_part(path: Path, mark: str) -> dict | None:
    """A part that is there, whole and of the same making; else it has to be made again."""
    try:
        found = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.get("mark") == mark else None


def _parts_folder(name: str) -> Path:
    folder = paths.CHECKPOINTS / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
