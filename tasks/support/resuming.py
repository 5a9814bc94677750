"""Work of more than a minute is kept in parts, so that a kill at any moment costs one part and no more.

DVC removes a stage's outputs before it runs: what is half done waits in ``.checkpoints/``, then moves in whole.
"""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distillery.files import flush_folder, whole_folder
from tasks.support import paths


@contextmanager
def resumable_folder(target: Path) -> Iterator[Path]:
    """Yield a folder that outlives an interruption; on a clean exit it becomes ``target``.

    Whoever fills it writes whole files and marks each with what it was made of, and keeps what carries the right mark.
    """
    draft = parts_folder("-".join(target.parts[1:]))
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
    draft = parts_folder(name)
    yield draft
    shutil.rmtree(draft)


def parts_folder(name: str) -> Path:
    """Where a stage's parts wait."""
    folder = paths.CHECKPOINTS / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
