"""A store of given pictures, and their names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from distillery.images.shards import write_shard
from distillery.images.store import ImageStore


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[np.ndarray], ImageStore]:
    """A function that stores uint8 [pictures, size, size, 3] under ``names``."""

    def make(images: np.ndarray) -> ImageStore:
        named = zip(names(range(len(images))), images, strict=True)
        write_shard(tmp_path / "images/00000.arrow", named, size=images.shape[1], quality=None, fingerprint="")
        return ImageStore(tmp_path / "images")

    return make


def names(numbers: range) -> pl.Series:
    return pl.Series([f"i{number:03d}" for number in numbers], dtype=pl.String)
