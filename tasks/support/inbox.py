"""Images that arrived in a folder become unlabelled data: copied, never moved, and each of them once."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from distillery.errors import DistilleryError
from distillery.files import file_hash, whole_file
from distillery.images.adapters.sighting import EXTENSIONS, image_files
from distillery.images.decoding import UnreadableImageError, decode
from distillery.params import Params
from tasks.support.paths import RAW

NAMED = ", ".join(sorted(EXTENSIONS))
SPLIT, CLASS = "arrived", "unlabelled"  # the folders that the adapter 'folders' expects


def new_images_in(inbox: Path, dataset: str) -> dict[Path, Path]:
    """The images directly in an inbox that a data set does not have, and where each of them goes.

    A copy is named after its content: the same image twice, or taken before, is one. Links are left alone. None where
    nothing lies in the inbox, as in one that waits for the next delivery.

    Raises:
        DistilleryError: the inbox is no folder, or holds something and no image.
    """
    if not inbox.is_dir():
        raise DistilleryError(f"{inbox}: no such folder; give the one that the images arrived in")
    found = _images_in(inbox)
    if not found and any(not path.name.startswith(".") for path in inbox.iterdir()):
        raise DistilleryError(f"{inbox}: holds no image (looked for in the folder itself, not in those within)")
    folder = RAW / dataset / SPLIT / CLASS
    places = {folder / f"{file_hash(image)}{image.suffix.lower()}": image for image in found}
    return {image: place for place, image in places.items() if not place.exists()}


def left_alone(inbox: Path) -> dict[Path, str]:
    """What lies in an inbox and is not looked into, and why."""
    others = set(inbox.iterdir()) - set(_images_in(inbox))
    return {path: _why(path) for path in sorted(others) if not path.name.startswith(".")}


def _images_in(inbox: Path) -> list[Path]:
    return [path for path in image_files(inbox) if path.is_file() and not path.is_symlink()]


def _why(path: Path) -> str:
    if path.is_symlink():
        return "a link"
    return "a folder, and only what lies directly in the inbox is" if path.is_dir() else f"no file named {NAMED}"


def unreadable(images: Iterable[Path], *, min_side: int, max_pixels: int) -> dict[Path, str]:
    """The images that cannot be used, and why: what the manifest would find out when they are copied already."""
    faults = {}
    for image in images:
        try:
            # Resolved: an inbox may lie behind a link, which a data set of the project may not.
            decode(image.resolve(), min_side=min_side, max_pixels=max_pixels)
        except UnreadableImageError as error:
            faults[image] = str(error)
    return faults


def take_images(arrived: Mapping[Path, Path]) -> None:
    """Copy images to their places, each whole or not at all.

    Raises:
        DistilleryError: one changed meanwhile: it was still being written.
    """
    for image, place in arrived.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(place) as draft:
            shutil.copyfile(image, draft)
            if file_hash(draft) != place.stem:
                raise DistilleryError(f"{image}: changed while it was copied; run again when it is complete")


def arrived_in(params: Params) -> list[Path]:
    """The folders of the data sets that arrived by an inbox."""
    sets = params.manifest.datasets.items()
    return [
        RAW / name
        for name, one in sets
        if Path(one.path) == RAW / name and set(one.splits) == {SPLIT} and (RAW / name).is_dir()
    ]


def declare_dataset(document: Any, dataset: str, domain: str) -> None:
    """Describe the data set in the document of params.yaml, where it is not there yet.

    Raises:
        DistilleryError: a data set of that name is there and is another one.
    """
    described = {
        "adapter": "folders",
        "path": str(RAW / dataset),
        "domain": domain,
        "heads": {},
        "splits": {SPLIT: {"unlabelled": 1}},
    }
    known = document["manifest"]["datasets"].setdefault(dataset, described)
    if {key: known.get(key) for key in described} != described:
        raise DistilleryError(
            f"manifest.datasets.{dataset} is another data set, or of another domain; give these images another name"
        )
