"""Shards of the image store with bytes changed, opened and gathered from."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.images.shards import is_finished, write_shard
from distillery.images.store import ImageStore
from tests.fuzz.answers import answer
from tests.fuzz.mutations import mutated

SIZE = 8
IMAGES = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)


def _written(folder: Path, quality: int | None) -> bytes:
    named = ((f"i{index}", image) for index, image in enumerate(IMAGES))
    return write_shard(folder / "0.arrow", named, size=SIZE, quality=quality, fingerprint="f").read_bytes()


def shards(folder: Path, quality: int | None) -> st.SearchStrategy[bytes]:
    return mutated([_written(folder, quality)])


def check(content: bytes, folder: Path) -> None:
    """Images of the store's size, the written ones where pixels are stored; or an error that names the folder."""
    path = folder / "0.arrow"
    path.write_bytes(content)
    is_finished(path, "f")
    used, reason = answer(DistilleryError, _use, folder)
    if reason:
        assert str(folder) in reason
    else:
        assert used[1].shape[1:] == (used[0], used[0], 3)


def _use(folder: Path) -> tuple[int, Tensor]:
    store = ImageStore(folder)
    store.content_hash()
    store.positions(["i0"])
    return store.size, store.gather(np.arange(len(store)))
