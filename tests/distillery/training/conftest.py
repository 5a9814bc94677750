"""A run of ``fit`` on eight images of two data sets, small enough for every test to have its own."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from distillery.heads import Heads
from distillery.images.augmentation import Strengths
from distillery.images.cells import labelled_cells
from distillery.images.store import ImageStore
from distillery.networks.multihead import MultiHead
from distillery.training.batches import BatchPlan
from distillery.training.coupling import Coupling
from distillery.training.examples import Examples
from distillery.training.fit import fit
from distillery.training.settings import Settings
from tests.distillery.conftest import OFF

SETTINGS = {
    "epochs": 3, "steps_per_epoch": 3, "accumulate": 1, "learning_rate": 3e-3, "weight_decay": 0.05, "warmup": 0.1,
    "smoothing": 0.05, "clip": 5.0, "ema": 0.9, "bf16": False, "channels_last": False, "compile": False, "workers": 0,
    "save_every": 0.0, "weighting": "fixed", "optimiser": "adamw", "schedule": "cosine",
}  # fmt: skip
STRENGTHS = Strengths(
    flip=0.5, rotation=5, scale=(0.9, 1.1), shift=0.05, brightness=0.1, contrast=0.1, saturation=0.1, grey=0.1,
    blur=0.2, noise=0.01, erase=0.1,
)  # fmt: skip


@pytest.fixture
def no_augmentation() -> Strengths:
    return OFF


@pytest.fixture
def examples(manifest: pl.DataFrame, heads: Heads, store: ImageStore) -> Examples:
    return Examples(positions=store.positions(manifest["image"]), cells=labelled_cells(manifest, heads))


@pytest.fixture
def run(heads: Heads, store: ImageStore, examples: Examples, tmp_path: Path) -> Callable[..., Iterator[dict]]:
    """Start ``fit``; keyword arguments change its settings."""

    def start(
        network: MultiHead,
        *,
        checkpoint: str = "c",
        key: str = "k",
        groups: tuple = ("A", "B"),
        strengths=STRENGTHS,
        couplings: Sequence[Coupling] = (),
        stop: Callable[[], bool] = lambda: False,
        **changed,
    ) -> Iterator[dict]:
        rows = {"A": np.arange(0, 8, 2), "B": np.arange(1, 8, 2)}
        return fit(
            network,
            heads,
            store,
            examples,
            examples,
            plan=BatchPlan(rows, dict.fromkeys(groups, 1.0), batch=6, seed=0),
            strengths=strengths,
            settings=Settings(**{**SETTINGS, **changed}),
            seed=0,
            device="cpu",
            checkpoint=tmp_path / f"{checkpoint}.safetensors",
            key=key,
            couplings=couplings,
            stop=stop,
        )

    return start
