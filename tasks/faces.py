"""Writes one domain of rendered faces: `<folder>/images/00000.png ...` and `<folder>/labels.csv`; about 16 ms an image."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from distillery.faces.camera import Camera
from distillery.faces.rendering import Truth, render_faces


def write_faces(folder: Path, *, domain: str, camera: dict[str, float], people: int, images: int, size: int, seed: int) -> Path:
    """The folder with its pictures and truth, replaced as a whole: whoever looks sees all of it or nothing."""
    batches = render_faces(domain=domain, camera=Camera(**camera), people=people, images=images, size=size, seed=seed)
    draft, former = folder.with_name(f".{folder.name}.draft"), folder.with_name(f".{folder.name}.former")
    for leftover in (draft, former):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        (draft / "images").mkdir(parents=True)
        _write_labels(draft / "labels.csv", _write_images(draft, batches, domain=domain, images=images))
        if folder.exists():
            folder.rename(former)  # deleting in place could be interrupted half-way
        draft.rename(folder)
    finally:
        for leftover in (draft, former):
            shutil.rmtree(leftover, ignore_errors=True)
    return folder


def _write_images(folder: Path, batches: Iterator[tuple[np.ndarray, list[Truth]]], *, domain: str, images: int) -> list[Truth]:
    """One row of truth per picture written, its relative path first."""
    rows: list[Truth] = []
    for pictures, truths in batches:
        for picture, truth in zip(pictures, truths, strict=True):
            path = f"images/{len(rows):05d}.png"
            Image.fromarray(picture).save(folder / path, format="PNG", compress_level=6)
            rows.append({"path": path, **truth})
        print(f"faces {domain}: {len(rows)} of {images}", flush=True)
    return rows


def _write_labels(path: Path, rows: list[Truth]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
