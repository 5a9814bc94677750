"""Any number of small labelled images, fast: noise of 32 pixels, in the folders that the embedded faces would fill."""

import csv
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from distillery.heads import Classification, Detection, Heads

SIDE = 32  # pixels
CHUNK = 1000  # images a folder and a task
PER_PERSON = 4


def write_pictures(folder: Path, count: int, heads: Heads, *, seed: int) -> None:
    """``images/<thousand>/<number>.png`` and ``labels.csv`` with every head's labels and an identity."""
    starts = range(0, count, CHUNK)
    write = partial(_write_chunk, folder, count=count, heads=heads, seed=seed)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        rows = [row for chunk in pool.map(write, starts) for row in chunk]
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write_chunk(folder: Path, start: int, *, count: int, heads: Heads, seed: int) -> list[dict[str, object]]:
    rng = np.random.default_rng([seed, start])
    inner = Path(f"images/{start // CHUNK:05d}")
    (folder / inner).mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(start, min(start + CHUNK, count)):
        path = inner / f"{number:07d}.png"
        picture = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(picture).save(folder / path, compress_level=0)
        rows.append({"path": str(path), "identity": number // PER_PERSON, **_labels(heads, rng)})
    return rows


def _labels(heads: Heads, rng: np.random.Generator) -> dict[str, object]:
    """A random label of each head, in the columns that the faces' labels have too."""
    found: dict[str, object] = {}
    for name, head in heads.items():
        match head:
            case Classification():
                found[name] = head.classes[rng.integers(len(head.classes))]
            case Detection():
                found |= {element: int(rng.integers(2)) for element in head.elements}
            case _:
                low, high = head.range
                columns = head.outputs if len(head.outputs) > 1 else (name,)
                found |= {column: round(float(rng.uniform(low, high)), 3) for column in columns}
    return found
