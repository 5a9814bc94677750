"""UTKFace: ``<age>_<gender>_<race>_<date>.jpg``, labels in the file names (Zhang, Song, Qi, CVPR 2017)."""

import re
from collections.abc import Iterator
from pathlib import Path

from distillery.images.adapters.sighting import Sighting, image_files

NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])_(?P<race>[0-4])_[^_]*")


def read_utkface(folder: Path) -> Iterator[Sighting]:
    """Columns ``age`` (years), ``gender`` (0 male, 1 female), ``race`` (0 White, 1 Black, 2 Asian, 3 Indian, 4 other).

    A name that does not parse keeps its row, with the name in its problem.
    """
    return map(_sighting, image_files(folder))


def _sighting(path: Path) -> Sighting:
    match = NAME.match(path.name)
    if match is None:
        return Sighting(path=path, problem=f"name is not <age>_<gender>_<race>_<date>: {path.name}")
    return Sighting(path=path, labels=dict(match.groupdict()))
