"""One image file as a data set lists it, before anything is decoded or checked."""

from dataclasses import dataclass, field, replace
from pathlib import Path

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
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS)
