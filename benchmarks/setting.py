"""What the measurements share: the params of the demo, images of noise, networks, a training stage to step through."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.rows import Act
from distillery.heads import Heads, names
from distillery.images.augmentation import augment
from distillery.images.cells import Cells
from distillery.images.policies import Policy
from distillery.images.shards import write_shard
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.losses import head_loss
from distillery.networks.multihead import MultiHead
from distillery.params import Params
from distillery.training.batches import BatchPlan
from distillery.training.coupling import Coupling
from distillery.training.examples import Examples
from distillery.training.fit import fit
from distillery.training.optimisation import make_optimiser
from distillery.training.settings import Settings
from tasks.support.augmentation import make_strengths
from tasks.support.command import read_params
from tasks.support.machine import prepare_machine, use_bf16

IMAGES = 2048


@cache
def params() -> Params:
    """Those of the demo, with the machine made ready as a stage makes it."""
    found = read_params()
    prepare_machine(found)
    return found


def bf16(made: nn.Module) -> bool:
    """Whether the stages would use bfloat16 for a network here."""
    return use_bf16("auto", params().device, made)


def network(backbone: str = "compact", heads: Heads | None = None, *, stochastic_depth: float = 0.0) -> MultiHead:
    """With fresh weights, on the device, channels last."""
    torch.manual_seed(0)
    found = params()
    made = MultiHead(
        heads or found.distilled,
        backbone=backbone,
        width=found.network.width,
        dropout=found.teacher.dropout,
        stochastic_depth=stochastic_depth,
        size=found.images.size,
    )
    return made.to(params().device, memory_format=torch.channels_last)  # type: ignore[call-overload]


@cache
def demo_bf16() -> bool:
    """The same for the demo's network."""
    return bf16(network())


@cache
def store(size: int, quality: int | None = None, count: int = IMAGES) -> ImageStore:
    """Images of soft noise, which JPEG treats as it does photographs, in a folder of this process."""
    folder = Path(_scratch().name) / f"{size}-{quality}-{count}"
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (256, size // 8, size // 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    images = ((str(index), coarse[index % 256]) for index in range(count))
    write_shard(folder / "00000.arrow", images, size=size, quality=quality, fingerprint="")
    return ImageStore(folder)


def cells(count: int, heads: Heads | None = None, *, supposed: bool = False) -> Cells:
    """Every cell labelled, or every other image pseudo-labelled."""
    labels: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}
    pseudo: dict[str, Tensor] = {}
    for name, head in (heads or params().distilled).items():
        width = len(names(head))
        labels[name] = torch.zeros(count, width)
        labels[name][:, 0] = 1
        weights[name] = torch.ones(count, width) if head.kind == "detection" else torch.ones(count)
        if supposed:
            pseudo[name] = torch.zeros_like(weights[name], dtype=torch.bool)
            pseudo[name][::2] = True
    return Cells(labels, weights, pseudo)


def training_stage(
    made: MultiHead,
    images: ImageStore,
    *,
    steps: int,
    batch: int,
    heads: Heads | None = None,
    couplings: Sequence[Coupling] = (),
    policy: Policy | None = None,
    supposed: bool = False,
    **changed: object,
) -> Act:
    """The stage's own loop, ``steps`` steps a call: store, augmentation, average, clipping, record, no validation.

    Args:
        policy: of the augmentation.
        supposed: whether every other image is pseudo-labelled.
    """
    section = params().teacher
    chosen = section.model_dump(include=set(Settings.__annotations__))
    chosen |= {"bf16": bf16(made), "steps_per_epoch": steps, "epochs": 1000, **changed}
    strengths = replace(make_strengths(section.augmentation), policy=policy)
    heads = heads or params().distilled
    epochs: Iterator[dict[str, float]] = fit(
        made,
        heads,
        images,
        Examples(positions=np.arange(len(images)), cells=cells(len(images), heads, supposed=supposed)),
        Examples(positions=np.arange(0), cells=cells(0, heads)),
        plan=BatchPlan({"all": np.arange(len(images))}, {"all": 1.0}, batch=batch, seed=0),
        strengths=strengths,
        settings=Settings(**chosen),  # type: ignore[arg-type]
        seed=0,
        device=params().device,
        checkpoint=Path(_scratch().name) / f"{id(made)}.safetensors",
        key="benchmark",
        couplings=couplings,
    )

    def act() -> int:
        next(epochs)
        return steps * batch

    return act


def training_bare(made: MultiHead, size: int, *, steps: int, batch: int, augmenting: bool = False) -> Act:
    """The limit: the same network, losses and optimiser on one batch that is in memory; nothing else.

    Args:
        augmenting: reads and augments a batch for every step, as the stage has to: the limit of this work.
    """
    section, half = params().teacher, bf16(made)
    made.train()
    optimiser = make_optimiser(
        "adamw", list(made.parameters()), learning_rate=section.learning_rate, weight_decay=section.weight_decay
    )
    strengths, generator = make_strengths(section.augmentation), torch.Generator().manual_seed(0)
    device = torch.device(params().device)
    in_memory = to_float(store(size).gather(np.arange(batch))).to(device)
    labelled = cells(batch).to(device)

    def read() -> Tensor:
        if not augmenting:
            return in_memory
        pixels = store(size).gather(torch.randperm(IMAGES, generator=generator)[:batch].numpy())
        return augment(to_float(pixels.to(device)), strengths, generator)[0]

    def act() -> int:
        for _ in range(steps):
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                logits = made(read().contiguous(memory_format=torch.channels_last))
            losses = [
                head_loss(head, logits[name], labelled.labels[name], labelled.weights[name], smoothing=0.0)
                for name, head in params().distilled.items()
            ]
            optimiser.zero_grad(set_to_none=True)
            torch.stack(losses).sum().backward()
            optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return steps * batch

    return act


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()
