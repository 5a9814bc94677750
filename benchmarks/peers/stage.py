"""Our training stage as the side of a comparison: the stage's own loop, an epoch a pass."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from benchmarks.peers.setting import HEAD, Work, make_cells, make_network
from distillery.images.augmentation import Strengths
from distillery.images.store import ImageStore
from distillery.params import Params
from distillery.training.batches import BatchPlan
from distillery.training.examples import Examples
from distillery.training.fit import Settings, fit


def stage_epochs(
    params: Params, work: Work, store: ImageStore, folder: Path, *, groups: Mapping[str, tuple[np.ndarray, float]]
) -> Callable[[], None]:
    """A function that trains the student's next epoch of ``work.steps`` steps on one head.

    Each epoch gathers, augments, steps, averages the weights and writes its checkpoint; there is nothing to validate.

    Args:
        groups: by name, the rows of the store to draw from and their proportion in a batch.
    """
    heads = {HEAD: params.heads[HEAD]}
    everything = np.concatenate([rows for rows, _ in groups.values()])
    section = params.student
    chosen = section.model_dump(include=set(Settings.__annotations__))
    chosen |= {"steps_per_epoch": work.steps, "epochs": work.passes + 1}
    epochs: Iterator[dict[str, float]] = fit(
        make_network(params, heads, backbone=work.backbone),
        heads,
        store,
        Examples(positions=np.arange(len(everything)), cells=make_cells(heads, len(everything))),
        Examples(positions=np.arange(0), cells=make_cells(heads, 0)),
        plan=BatchPlan(
            {name: rows for name, (rows, _) in groups.items()},
            {name: share for name, (_, share) in groups.items()},
            batch=section.batch,
            seed=params.seed,
        ),
        strengths=Strengths(**section.augmentation.model_dump()),
        settings=Settings(**chosen),
        seed=params.seed,
        device="cpu",
        checkpoint=folder / f"{work.backbone}-{work.size}.safetensors",
        key="benchmark",
    )

    def act() -> None:
        _be_deterministic(True)
        next(epochs)
        _be_deterministic(False)  # the stage's own promise; no peer is held to it

    return act


def _be_deterministic(wanted: bool) -> None:
    torch.use_deterministic_algorithms(wanted)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
