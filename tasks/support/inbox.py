"""Images that arrived in a folder become unlabelled data: copied, never moved, and each of them once."""

import shutil
from pathlib import Path
from typing import Any

from distillery.errors import DistilleryError
from distillery.files import file_hash, whole_file
from distillery.images.adapters.sighting import image_files
from tasks.support.paths import RAW

SPLIT, CLASS = "arrived", "unlabelled"  # the folders that the adapter 'folders' expects


def take_images(inbox: Path, dataset: str) -> int:
    """Copy an inbox's images into a data set of that name; returns how many were new.

    A copy is named after its content: the same image twice, or taken again, is one.

    Raises:
        DistilleryError: the inbox is no folder, or holds no image.
    """
    if not inbox.is_dir():
        raise DistilleryError(f"{inbox}: no such folder; give the one that the images arrived in")
    found, taken = list(image_files(inbox)), 0
    if not found:
        raise DistilleryError(f"{inbox}: holds no image (looked for in the folder itself, not in those within)")
    folder = RAW / dataset / SPLIT / CLASS
    folder.mkdir(parents=True, exist_ok=True)
    for image in found:
        copy = folder / f"{file_hash(image)}{image.suffix.lower()}"
        if not copy.exists():
            with whole_file(copy) as draft:
                shutil.copyfile(image, draft)
            taken += 1
    return taken


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
