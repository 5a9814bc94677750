"""Tiny heads of every kind, a manifest and a store of eight noisy images, shared by the tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import torch

from distillery.heads import Classification, Detection, Heads, LearntHeads, Regression
from distillery.images.augmentation import Strengths
from distillery.images.shards import write_shard
from distillery.images.store import ImageStore
from distillery.networks.card import Card
from distillery.networks.multihead import MultiHead
from distillery.tables import manifest_schema

SIZE = 16
COUNT = 8
OFF = Strengths(
    flip=0, rotation=0, scale=(1, 1), shift=0, brightness=0, contrast=0, saturation=0, grey=0, blur=0, noise=0, erase=0
)


def small_card(heads: LearntHeads) -> Card:
    """Of a network that takes no time."""
    shape = {"backbone": "compact", "width": 0.25, "dropout": 0.1, "stochastic_depth": 0, "size": SIZE}
    return Card(heads=heads, **shape, provenance={"manifest": "abc"})


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def heads() -> Heads:
    """A head of each kind: mood (classes), units (elements, left and right), years (bins), place (no bins)."""
    return {
        "mood": Classification(kind="classification", classes=("calm", "glad", "sad")),
        "units": Detection(kind="detection", elements=("left", "middle", "right"), mirror=(("left", "right"),)),
        "years": Regression(kind="regression", outputs=("years",), range=(0, 100), bins=5),
        "place": Regression(kind="regression", outputs=("valence", "arousal"), range=(-1, 1)),
    }


@pytest.fixture
def manifest(heads: Heads) -> pl.DataFrame:
    """Eight train rows; data set A labels mood and units, B years and place; one element of B's first row is empty."""
    rows = []
    for index in range(COUNT):
        first = index % 2 == 0
        labels = {
            "mood": ("calm", "glad", "sad")[index % 3] if first else None,
            "units": [index % 4 == 0, None if index == 0 else True, index % 3 == 0] if first else None,
            "years": None if first else [10.0 * index],
            "place": None if first else [index / 8, -index / 8],
        }
        row = {"image": f"i{index}", "path": f"{index}.png", "dataset": "A" if first else "B", "domain": "d"}
        rows.append({**row, "split": "train", "identity": None, "status": "ok", **labels})
    return pl.DataFrame(pa.Table.from_pylist(rows, schema=manifest_schema(heads)))


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path: Path, pixels: np.ndarray) -> ImageStore:
    named = ((f"i{index}", image) for index, image in enumerate(pixels))
    write_shard(tmp_path / "images/00000.arrow", named, size=SIZE, quality=None, fingerprint="")
    return ImageStore(tmp_path / "images")


@pytest.fixture
def make_network(heads: Heads) -> Callable[..., MultiHead]:
    """The same fresh weights at every call."""

    def make(*, dropout: float = 0.0) -> MultiHead:
        torch.manual_seed(0)
        return MultiHead(heads, backbone="compact", width=0.25, dropout=dropout, size=16)

    return make
