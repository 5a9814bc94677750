"""Renders one domain of faces; writes ``data/raw/<domain>/``: ``images/00000.png ...`` and ``labels.csv``."""

import csv
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from distillery.errors import DistilleryError
from distillery.faces.camera import Camera
from distillery.faces.rendering import BATCH, Series, Truth, render_faces
from distillery.files import part_path, whole_file
from distillery.params import Params
from tasks.support import paths
from tasks.support.command import run_keyed_stage
from tasks.support.progress import Progress
from tasks.support.provenance import RENDERING, code_hash
from tasks.support.resuming import mark_of, read_part, resumable_folder, resumable_parts, write_part

SUFFIX = ".json"


def write_faces(folder: Path, series: Series, processes: int = 1) -> Path:
    """The folder with its pictures and truth, replaced as a whole: whoever looks sees all of it or nothing.

    Interrupted, it keeps its finished batches for the next call.
    """
    mark = mark_of(code_hash(RENDERING), series)
    with resumable_folder(folder) as draft, resumable_parts(f"{series.domain}-batches") as parts:
        (draft / "images").mkdir(exist_ok=True)
        finished = _finished(draft, parts, mark)
        kept = {draft / str(row["path"]) for rows in finished for row in rows}
        for stale in set((draft / "images").iterdir()) - kept:
            stale.unlink()  # of a batch that was not finished, or of a run that wanted more
        batches = render_faces(series, processes=processes, first=len(finished))
        progress = Progress(f"faces {series.domain}", series.images)
        for number, (pictures, truths) in enumerate(batches, start=len(finished)):
            finished.append(_write_batch(draft, parts, mark, number, pictures, truths))
            progress(number * BATCH + len(pictures))
        _write_labels(draft / "labels.csv", [row for rows in finished for row in rows])
    return folder


def _write_batch(
    draft: Path, parts: Path, mark: str, number: int, pictures: np.ndarray, truths: Sequence[Truth]
) -> list[Truth]:
    """The pictures of a batch, then its rows with the checksums of the pictures: they say that it is done."""
    rows: list[Truth] = []
    sums = []
    for index, (picture, truth) in enumerate(zip(pictures, truths, strict=True), start=number * BATCH):
        path = f"images/{index:05d}.png"
        Image.fromarray(picture).save(draft / path, format="PNG", compress_level=6)
        rows.append({"path": path, **truth})
        sums.append(zlib.crc32((draft / path).read_bytes()))
    write_part(part_path(parts, number, SUFFIX), mark, {"rows": rows, "sums": sums})
    return rows


def _finished(draft: Path, parts: Path, mark: str) -> list[list[Truth]]:
    """The rows of the finished batches, from the first one on, as far as they are whole and of the same making."""
    found: list[list[Truth]] = []
    while batch := read_part(part_path(parts, len(found), SUFFIX), mark):
        try:
            sums = [zlib.crc32((draft / row["path"]).read_bytes()) for row in batch["rows"]]
        except (OSError, KeyError, TypeError):
            break
        if batch.get("sums") != sums:
            break
        found.append(batch["rows"])
    return found


def _write_labels(path: Path, rows: list[Truth]) -> None:
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(params: Params, domain: str) -> None:
    """Render one domain of the parameters.

    Raises:
        DistilleryError: there is none of that name, or its camera lacks a field or has one too many.
    """
    if domain not in params.faces.domains:
        raise DistilleryError(f"faces.domains has no {domain!r}; allowed: {sorted(params.faces.domains)}")
    section = params.faces.domains[domain].model_dump()
    try:
        camera = Camera(**section.pop("camera"))
    except TypeError as error:
        raise DistilleryError(f"faces.domains.{domain}.camera: {error}") from error
    series = Series(domain=domain, camera=camera, size=params.faces.size, seed=params.seed, **section)
    write_faces(paths.faces(domain), series, processes=params.threads)


if __name__ == "__main__":
    run_keyed_stage(main)
