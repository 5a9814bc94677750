"""Decoded images in one memory-mapped Arrow file: uint8, channels last, found by content hash."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from distillery.errors import DistilleryError

BLOCK = 1024


def write_store(path: Path, images: Iterable[tuple[str, np.ndarray]], *, size: int) -> int:
    """Write (content hash, uint8 [size, size, 3]) pairs in blocks; memory stays at one block. Returns the count."""
    width = size * size * 3
    schema = pa.schema([("image", pa.string()), ("pixels", pa.binary(width))], metadata={"size": str(size)})
    count = 0
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for names, block in _blocks(images):
            pixels = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(names), [None, pa.py_buffer(block)])
            writer.write_batch(pa.record_batch([pa.array(names), pixels], schema=schema))
            count += len(names)
    return count


class ImageStore:
    """Reads the file without copying it into memory; the system's page cache is the only buffer.

    Raises:
        DistilleryError: the file is missing or not ours.
    """

    def __init__(self, path: Path) -> None:
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            self.size = int((reader.schema.metadata or {})[b"size"])
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise DistilleryError(f"{path}: not an image store ({error}); run the stage 'images' again") from error
        self._path = path
        self._blocks: list[np.ndarray] = []
        self._positions: dict[str, int] = {}
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            pixels = np.frombuffer(batch.column("pixels").buffers()[1], dtype=np.uint8)
            self._blocks.append(pixels.reshape(batch.num_rows, self.size, self.size, 3))
            found = batch.column("image").to_pylist()
            self._positions |= {name: number * BLOCK + row for row, name in enumerate(found)}

    def positions(self, names: Iterable[str]) -> np.ndarray:
        """Where the images lie: int64 [images].

        Raises:
            DistilleryError: an image is not in the store.
        """
        try:
            return np.array([self._positions[name] for name in names], dtype=np.int64)
        except KeyError as error:
            raise DistilleryError(f"{self._path}: lacks image {error}; run the stage 'images' again") from None

    def gather(self, positions: np.ndarray) -> torch.Tensor:
        """Copy images into one batch: uint8 [batch, size, size, 3]."""
        batch = np.empty((len(positions), self.size, self.size, 3), dtype=np.uint8)
        for row, position in enumerate(positions):
            batch[row] = self._blocks[position // BLOCK][position % BLOCK]
        return torch.from_numpy(batch)


def _blocks(images: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[list[str], np.ndarray]]:
    names: list[str] = []
    pixels: list[np.ndarray] = []
    for name, image in images:
        names.append(name)
        pixels.append(image)
        if len(names) == BLOCK:
            yield names, np.stack(pixels)
            names, pixels = [], []
    if names:
        yield names, np.stack(pixels)
