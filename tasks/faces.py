"""Renders one domain of faces; writes ``data/raw/<domain>/``: ``images/00000.png ...`` and ``labels.csv``."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from distillery.errors import DistilleryError
from distillery.faces.camera import Camera
from distillery.faces.rendering import Truth, render_faces
from distillery.files import whole_folder
from distillery.params import Params
from tasks.support import paths
from tasks.support.command import run_keyed_stage
from tasks.support.progress import Progress


def write_faces(
    folder: Path,
    *,
    domain: str,
    camera: dict[str, float],
    people: int,
    images: int,
    size: int,
    seed: int,
    processes: int = 1,
) -> Path:
    """The folder with its pictures and truth, replaced as a whole: whoever looks sees all of it or nothing.

    Raises:
        DistilleryError: the camera lacks a field or has one too many.
    """
    try:
        lens = Camera(**camera)
    except TypeError as error:
        raise DistilleryError(f"faces.domains.{domain}.camera: {error}") from error
    batches = render_faces(
        domain=domain, camera=lens, people=people, images=images, size=size, seed=seed, processes=processes
    )
    with whole_folder(folder) as draft:
        (draft / "images").mkdir()
        _write_labels(draft / "labels.csv", _write_images(draft, batches, domain=domain, images=images))
    return folder


def _write_images(
    folder: Path, batches: Iterator[tuple[np.ndarray, list[Truth]]], *, domain: str, images: int
) -> list[Truth]:
    """One row of truth per picture written, its relative path first."""
    rows: list[Truth] = []
    progress = Progress(f"faces {domain}", images)
    for pictures, truths in batches:
        for picture, truth in zip(pictures, truths, strict=True):
            path = f"images/{len(rows):05d}.png"
            Image.fromarray(picture).save(folder / path, format="PNG", compress_level=6)
            rows.append({"path": path, **truth})
        progress(len(rows))
    return rows


def _write_labels(path: Path, rows: list[Truth]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(params: Params, domain: str) -> None:
    section = params.faces
    if domain not in section.domains:
        raise DistilleryError(f"faces.domains has no {domain!r}; allowed: {sorted(section.domains)}")
    write_faces(
        paths.faces(domain),
        domain=domain,
        **section.domains[domain].model_dump(),
        size=section.size,
        seed=params.seed,
        processes=params.threads,
    )


if __name__ == "__main__":
    run_keyed_stage(main)
