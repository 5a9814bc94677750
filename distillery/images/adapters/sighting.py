"""One image file as a data set lists it, before anything is decoded or checked."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from distillery.errors import DistilleryError
from distillery.images.decoding import check_inside_project

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """A path with its raw labels.

    Attributes:
        path: the image file.
        split: the split that the data set itself names, or ``all``.
        identity: who it shows, if known.
        labels: raw values by column, later by head.
        problem: why the row cannot be used, if so.
    """

    path: Path
    split: str = ALL
    identity: str | None = None
    labels: dict[str, object] = field(default_factory=dict)
    problem: str | None = None

    def with_labels(self, labels: dict[str, object]) -> "Sighting":
        return replace(self, labels=labels)


def image_files(folder: Path) -> list[Path]:
    """The image files directly in a folder, sorted."""
    return [path for path in _listed(folder) if path.suffix.lower() in EXTENSIONS]


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in a folder that are not hidden, sorted.

    Raises:
        DistilleryError: one of them is a link out of the project.
    """
    found = [path for path in _listed(folder) if path.is_dir() and not path.name.startswith(".")]
    for path in found:
        check_inside_project(path)
    return found


def _listed(folder: Path) -> list[Path]:
    found = sorted(folder.iterdir())
    for path in found:
        try:
            path.name.encode()
        except UnicodeEncodeError:  # no table can hold such a name
            raise DistilleryError(f"{folder}: the name {os.fsencode(path.name)!r} is not UTF-8; rename it") from None
    return found
