"""One folder per identity: the layout of LFW (Huang et al., 2007), VGGFace2 and CASIA-WebFace."""

from collections.abc import Iterator
from pathlib import Path

from distillery.images.adapters.sighting import Sighting, image_files, subfolders


def read_people(folder: Path) -> Iterator[Sighting]:
    """The identity is the name of the folder, and the one label, ``identity``."""
    return (
        Sighting(path=path, identity=person.name, labels={"identity": person.name})
        for person in subfolders(folder)
        for path in image_files(person)
    )
