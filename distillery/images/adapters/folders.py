"""``split/class/image``: the layout of FER2013 and of torchvision's ImageFolder, one level up."""

from collections.abc import Iterator
from pathlib import Path

from distillery.images.adapters.sighting import Sighting, image_files, subfolders


def read_folders(folder: Path) -> Iterator[Sighting]:
    """Column ``class``: the name of the image's folder. The split is the folder above."""
    return (
        Sighting(path=path, split=split.name, labels={"class": group.name})
        for split in subfolders(folder)
        for group in subfolders(split)
        for path in image_files(group)
    )
