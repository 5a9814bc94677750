"""Images at training size in a folder of memory-mapped shards, found by content hash."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import torch
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.images.shards import SUFFIX, decode_jpeg, is_intact, open_shard, view_pixels


class ImageStore:
    """Reads the shards without copying them into memory; the system's page cache is the only buffer.

    Attributes:
        size: the images' side, pixels.

    Raises:
        DistilleryError: the folder is missing or empty, or a shard is damaged or not ours.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blocks: list[pa.RecordBatch] = []
        sizes = set()
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            size, blocks = open_shard(path)
            sizes.add(size)
            self._blocks += blocks
        if len(sizes) != 1:
            found = f"sizes {sorted(sizes)}" if sizes else "no shard"
            raise DistilleryError(f"{folder}: not an image store ({found}); run the stage 'images' again")
        self.size = sizes.pop()
        self._pixels = [view_pixels(block, self.size) for block in self._blocks]
        self._starts = np.cumsum([0, *(block.num_rows for block in self._blocks)])
        self._unchecked = np.ones(len(self), dtype=bool)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def positions(self, names: Sequence[str] | pl.Series) -> np.ndarray:
        """Where the images lie: int64 [images].

        Raises:
            DistilleryError: an image is not in the store.
        """
        # Made for the call and dropped: it is as large as the names, which a loop over batches does not need.
        index = pl.DataFrame({"image": self._names()}).with_row_index("position").unique("image", keep="first")
        wanted = pl.DataFrame({"image": names}, schema={"image": pl.String})
        found = wanted.join(index, on="image", how="left", maintain_order="left")["position"]
        if found.null_count():
            name = wanted["image"][int(found.is_null().arg_true()[0])]
            raise DistilleryError(f"{self._folder}: lacks image {name!r}; run the stage 'images' again")
        return found.cast(pl.Int64).to_numpy()

    def gather(self, positions: np.ndarray, *, pin: bool = False) -> Tensor:
        """Read images into one batch: uint8 [batch, size, size, 3]; any number of threads may.

        Args:
            positions: int64 [batch].
            pin: into page-locked memory, from which a GPU copies without the processor.

        Raises:
            DistilleryError: an image's bytes are not those that were written.
        """
        batch = torch.empty((len(positions), self.size, self.size, 3), dtype=torch.uint8, pin_memory=pin)
        rows = batch.numpy()
        numbers = np.searchsorted(self._starts, positions, side="right") - 1
        insides = (positions - self._starts[numbers]).tolist()
        new = self._unchecked[positions].tolist()
        for row, (number, inside, is_new) in enumerate(zip(numbers.tolist(), insides, new, strict=True)):
            rows[row] = self._read(number, inside, check=is_new)
        self._unchecked[positions] = False
        return batch

    def content_hash(self) -> str:
        """A 128-bit hash of all names and checksums, however they are cut into shards.

        It is what models and predictions say they were made from.
        """
        names, digest = hashlib.blake2b(), hashlib.blake2b(str(self.size).encode(), digest_size=16)
        for block in self._blocks:
            names.update("".join(f"{name}\n" for name in block.column(0).to_pylist()).encode())
            digest.update(block.column(2).to_numpy().tobytes())
        digest.update(names.digest())
        return digest.hexdigest()

    def _read(self, number: int, inside: int, *, check: bool) -> np.ndarray:
        block, pixels = self._blocks[number], self._pixels[number]
        try:
            # The first time only: from then on the page cache holds what was checked.
            if check and not is_intact(block, inside):
                raise ValueError("its checksum differs")
            return decode_jpeg(block, inside, self.size) if pixels is None else pixels[inside]
        except ValueError as error:
            raise DistilleryError(
                f"{self._folder}: image {block.column(0)[inside]} is damaged ({error}); run the stage 'images' again"
            ) from error

    def _names(self) -> pl.Series:
        columns = [block.column(0) for block in self._blocks]
        return pl.Series("image", pa.chunked_array(columns, type=pa.string()), dtype=pl.String)
