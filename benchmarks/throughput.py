"""Training and inference of the stages against a bare loop: the same network, batch, dtype and threads, in one run.

``python -m benchmarks.throughput`` prints images a second, the ratios and the peak memory. The bare loops read tensors
that are in memory already: no store, no augmentation, no labels but one, no average, no record. Passes alternate, so
that a busy machine slows both; the ratio is of the medians.
"""

import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from distillery.heads import Heads, names
from distillery.images.augmentation import Strengths
from distillery.images.cells import Cells
from distillery.images.store import ImageStore, write_store
from distillery.images.transforms import to_float
from distillery.labelling.ensemble import predict
from distillery.labelling.views import View
from distillery.losses import head_loss
from distillery.networks.multihead import MultiHead
from distillery.params import Params
from distillery.training.batches import BatchPlan
from distillery.training.examples import Examples
from distillery.training.fit import Settings, fit
from distillery.training.optimisation import make_optimiser
from tasks.support.command import read_params

PASSES = 7
STEPS = 8
IMAGES = 4096


def main() -> None:
    params = read_params()
    torch.set_num_threads(params.threads)
    torch.use_deterministic_algorithms(True)  # as the stage does
    torch.utils.deterministic.fill_uninitialized_memory = False
    with tempfile.TemporaryDirectory() as folder:
        store = _store(Path(folder), params.images.size)
        training = _compare(_training_stage(params, store, Path(folder)), _training_bare(params, store))
        inference = _compare(_inference_stage(params, store), _inference_bare(params, store))
    print(f"{'':12}{'stage':>10}{'bare loop':>12}{'ratio':>8}   images a second, medians of {PASSES} passes")
    for name, (stage, bare) in {"training": training, "inference": inference}.items():
        print(f"{name:12}{stage:10,.0f}{bare:12,.0f}{stage / bare:8.2f}")
    print(f"{len(params.predictions.views)} views; inference counts an image once a view")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


def _compare(stage: Callable[[], int], bare: Callable[[], int]) -> tuple[float, float]:
    rates: tuple[list[float], list[float]] = ([], [])
    for number in range(PASSES + 1):
        for act, found in zip((stage, bare), rates, strict=True):
            began = time.perf_counter()
            images = act()
            if number:  # the first pass warms up
                found.append(images / (time.perf_counter() - began))
    return statistics.median(rates[0]), statistics.median(rates[1])


def _training_stage(params: Params, store: ImageStore, folder: Path) -> Callable[[], int]:
    section = params.teacher
    settings = Settings(
        **section.model_dump(include=set(Settings.__annotations__)) | {"steps_per_epoch": STEPS, "epochs": PASSES + 1}
    )
    epochs: Iterator[dict[str, float]] = fit(
        _network(params),
        params.heads,
        store,
        Examples(positions=np.arange(IMAGES), cells=_cells(params.heads, IMAGES)),
        Examples(positions=np.arange(0), cells=_cells(params.heads, 0)),
        plan=BatchPlan({"all": np.arange(IMAGES)}, {"all": 1.0}, batch=section.batch, seed=0),
        strengths=Strengths(**section.augmentation.model_dump()),
        settings=settings,
        seed=0,
        device=params.device,
        checkpoint=folder / "checkpoint",
        key="benchmark",
    )

    def act() -> int:
        next(epochs)
        return STEPS * section.batch

    return act


def _training_bare(params: Params, store: ImageStore) -> Callable[[], int]:
    section = params.teacher
    network = _network(params).train()
    optimiser = make_optimiser(network, learning_rate=section.learning_rate, weight_decay=section.weight_decay)
    images = to_float(store.gather(np.arange(section.batch)))
    cells = _cells(params.heads, section.batch)

    def act() -> int:
        for _ in range(STEPS):
            with torch.autocast("cpu", torch.bfloat16, enabled=section.bf16):
                logits = network(images)
            losses = [
                head_loss(head, logits[name], cells.labels[name], cells.weights[name], smoothing=0.0)
                for name, head in params.heads.items()
            ]
            optimiser.zero_grad(set_to_none=True)
            torch.stack(losses).sum().backward()
            optimiser.step()
        return STEPS * section.batch

    return act


def _inference_stage(params: Params, store: ImageStore) -> Callable[[], int]:
    section = params.predictions
    network, views = _network(params).eval(), [View(view.kind, view.amount) for view in section.views]

    def act() -> int:
        predict(network, params.heads, store.gather(np.arange(section.batch)), views, bf16=section.bf16)
        return section.batch * len(views)

    return act


def _inference_bare(params: Params, store: ImageStore) -> Callable[[], int]:
    section = params.predictions
    network = _network(params).eval()
    images = to_float(store.gather(np.arange(section.batch)))

    @torch.inference_mode()
    def act() -> int:
        for _ in section.views:
            with torch.autocast("cpu", torch.bfloat16, enabled=section.bf16):
                network(images)
        return section.batch * len(section.views)

    return act


def _network(params: Params) -> MultiHead:
    shape = params.network.model_dump(include={"backbone", "width", "dropout"})
    return MultiHead(params.heads, **shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _store(folder: Path, size: int) -> ImageStore:
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, size, size, 3), dtype=np.uint8)
    write_store(folder / "images.arrow", ((str(index), image) for index, image in enumerate(pixels)), size=size)
    return ImageStore(folder / "images.arrow")


def _cells(heads: Heads, count: int) -> Cells:
    labels: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}
    for name, head in heads.items():
        width = len(names(head))
        labels[name] = torch.zeros(count, width)
        labels[name][:, 0] = 1
        weights[name] = torch.ones(count, width) if head.kind == "detection" else torch.ones(count)
    return Cells(labels, weights)


if __name__ == "__main__":
    main()
