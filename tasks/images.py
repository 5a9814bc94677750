"""Reads the manifest and the raw images; writes ``data/images/``: each usable image once, at training size."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from distillery.errors import DistilleryError
from distillery.files import whole_folder
from distillery.images.decoding import UnreadableImageError, decode, fit
from distillery.images.store import BLOCK, write_store
from distillery.params import Params
from distillery.tables import READABLE, read_table
from tasks.support import paths
from tasks.support.command import run_stage
from tasks.support.progress import Progress


def write_images(store: Path, manifest: Path, *, size: int, min_side: int, max_pixels: int, threads: int) -> Path:
    """Decode the distinct usable images of the manifest into one memory-mapped file.

    Raises:
        DistilleryError: an image changed or vanished since the manifest was made.
    """
    rows = read_table(manifest).filter(pl.col("status") == READABLE).unique("image", keep="first", maintain_order=True)

    def load(row: tuple[str, str]) -> tuple[str, np.ndarray]:
        name, path = row
        try:
            return name, fit(decode(Path(path), min_side=min_side, max_pixels=max_pixels), size)
        except UnreadableImageError as error:
            raise DistilleryError(
                f"{path}: {error}, though the manifest could read it; run the manifest again"
            ) from error

    def decoded() -> Iterator[tuple[str, np.ndarray]]:
        progress = Progress("images", len(rows))
        with ThreadPoolExecutor(threads) as pool:
            # A block at a time: what waits between decoding and writing stays bounded.
            for start in range(0, len(rows), BLOCK):
                yield from pool.map(load, rows.select("image", "path").slice(start, BLOCK).iter_rows())
                progress(min(start + BLOCK, len(rows)))

    with whole_folder(store.parent) as folder:
        write_store(folder / store.name, decoded(), size=size)
    return store


def main(params: Params) -> None:
    section = params.manifest
    write_images(
        paths.IMAGES,
        paths.MANIFEST,
        size=params.images.size,
        min_side=section.min_side,
        max_pixels=section.max_pixels,
        threads=params.threads,
    )


if __name__ == "__main__":
    run_stage(main)
