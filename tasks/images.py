"""Reads the manifest and the raw images; writes ``data/images/``: each usable image once, at training size.

Interrupted, it keeps its finished shards for the next call.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from distillery.errors import DistilleryError
from distillery.files import keep_parts, part_path
from distillery.images.decoding import UnreadableImageError, content_hash, decode, fit
from distillery.images.shards import BLOCK, SUFFIX, is_finished, write_shard
from distillery.params import Params
from distillery.tables import READABLE, read_table
from tasks.support import paths
from tasks.support.command import run_stage
from tasks.support.progress import Progress
from tasks.support.provenance import DECODING, code_hash
from tasks.support.resuming import mark_of, resumable_folder


def write_images(
    store: Path,
    manifest: Path,
    *,
    size: int,
    quality: int | None,
    shard: int,
    min_side: int,
    max_pixels: int,
    threads: int,
) -> Path:
    """Decode the distinct usable images of the manifest into a folder of memory-mapped shards.

    Raises:
        DistilleryError: an image changed or vanished since the manifest was made.
    """
    rows = read_table(manifest, ["image", "path", "status"], only=pl.col("status") == READABLE).drop("status")
    rows = rows.unique("image", keep="first", maintain_order=True)
    recipe = (code_hash(DECODING), size, quality, min_side, max_pixels)

    def load(row: tuple[str, str]) -> tuple[str, np.ndarray]:
        name, path = row
        try:
            image = decode(Path(path), min_side=min_side, max_pixels=max_pixels)
            if content_hash(image) != name:
                raise UnreadableImageError("other pixels than the manifest saw")
            return name, fit(image, size)
        except UnreadableImageError as error:
            raise DistilleryError(f"{path}: {error}; run the stage 'manifest' again") from error

    def decoded(part: pl.DataFrame, before: int) -> Iterator[tuple[str, np.ndarray]]:
        # A block at a time: what waits between decoding and writing stays bounded.
        for start in range(0, len(part), BLOCK):
            yield from pool.map(load, part.slice(start, BLOCK).iter_rows())
            progress(before + min(start + BLOCK, len(part)))

    if not len(rows):
        raise DistilleryError(f"{manifest}: no usable image; its column 'status' says why")
    progress = Progress("images", len(rows))
    with resumable_folder(store) as folder, ThreadPoolExecutor(threads) as pool:
        for number, part in enumerate(rows.iter_slices(shard)):
            path = part_path(folder, number, SUFFIX)
            fingerprint = mark_of(*recipe, part.write_csv())
            if not is_finished(path, fingerprint):
                images = decoded(part, number * shard)
                write_shard(path, images, size=size, quality=quality, fingerprint=fingerprint)
        keep_parts(folder, len(range(0, len(rows), shard)), SUFFIX)
    return store


def main(params: Params, store: Path = paths.IMAGES, manifest: Path = paths.MANIFEST) -> None:
    section = params.manifest
    write_images(
        store,
        manifest,
        size=params.images.size,
        quality=params.images.quality,
        shard=params.images.shard,
        min_side=section.min_side,
        max_pixels=section.max_pixels,
        threads=params.threads,
    )


if __name__ == "__main__":
    run_stage(main)
