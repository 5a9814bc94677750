"""The loop: masked multi-task training, an epoch at a time; it yields, the caller records."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from distillery.heads import Heads
from distillery.images.augmentation import Strengths, augment
from distillery.images.cells import Cells
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.losses import head_loss
from distillery.networks.multihead import MultiHead
from distillery.training.batches import BatchPlan
from distillery.training.checkpoint import load_checkpoint, save_checkpoint
from distillery.training.examples import Examples
from distillery.training.optimisation import MovingAverage, make_optimiser, rate_at
from distillery.training.validation import validate


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Numbers of the optimisation; see params.yaml for their meaning."""

    epochs: int
    steps_per_epoch: int
    learning_rate: float
    weight_decay: float
    warmup: float
    smoothing: float
    clip: float
    ema: float
    bf16: bool
    channels_last: bool


def fit(
    network: MultiHead,
    heads: Heads,
    store: ImageStore,
    training: Examples,
    validation: Examples,
    *,
    plan: BatchPlan,
    strengths: Strengths,
    settings: Settings,
    seed: int,
    device: str,
    checkpoint: Path,
    key: str,
) -> Iterator[dict[str, float]]:
    """Train ``network`` in place; yield a record after each epoch; leave the averaged weights in it at the end.

    A record holds ``epoch``, ``learning_rate`` and, by head, ``train_loss/<head>``, ``val_loss/<head>`` and
    ``val_score/<head>``. With a checkpoint of the same ``key`` the stored records are yielded first, then training
    goes on.

    ``L = sum_h w_h L_h`` with ``L_h`` the masked mean over the head's labelled cells (METHODS, 2MD).
    """
    where = torch.device(device)
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    network.to(device=where, memory_format=layout)  # type: ignore[call-overload]
    optimiser = make_optimiser(network, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay)
    average = MovingAverage(network, settings.ema)
    records = load_checkpoint(checkpoint, network, optimiser, average, key)
    yield from records
    total = settings.epochs * settings.steps_per_epoch
    for epoch in range(len(records), settings.epochs):
        network.train()
        losses: dict[str, Tensor] = {name: torch.zeros((), device=where) for name in heads}
        for step in range(epoch * settings.steps_per_epoch, (epoch + 1) * settings.steps_per_epoch):
            rate = rate_at(step, steps=total, warmup=settings.warmup, peak=settings.learning_rate)
            for group in optimiser.param_groups:
                group["lr"] = rate
            images, cells = _batch(store, training, heads, plan.rows(step), strengths, _generator(seed, step), where)
            found = _step(network, heads, images.contiguous(memory_format=layout), cells, optimiser, settings)
            average.update(network, step)
            for name, loss in found.items():
                losses[name] += loss
        record = {"epoch": epoch + 1, "learning_rate": rate}
        record |= {f"train_loss/{name}": float(loss) / settings.steps_per_epoch for name, loss in losses.items()}
        record |= validate(network, average.state, heads, store, validation, bf16=settings.bf16, device=where)
        records.append(record)
        save_checkpoint(checkpoint, network, optimiser, average, records, key)
        yield record
    network.load_state_dict(average.state)


def _batch(
    store: ImageStore,
    training: Examples,
    heads: Heads,
    rows: np.ndarray,
    strengths: Strengths,
    generator: torch.Generator,
    device: torch.device,
) -> tuple[Tensor, Cells]:
    pixels = store.gather(training.positions[rows]).to(device, non_blocking=True)
    images, flipped = augment(to_float(pixels), strengths, generator)
    cells = training.cells.rows(torch.from_numpy(rows)).to(device)
    return images, cells.flipped(heads, flipped)


def _step(
    network: MultiHead, heads: Heads, images: Tensor, cells: Cells, optimiser: torch.optim.Optimizer, settings: Settings
) -> dict[str, Tensor]:
    with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.bf16):
        logits = network(images)
    losses = {
        name: head_loss(head, logits[name], cells.labels[name], cells.weights[name], smoothing=settings.smoothing)
        for name, head in heads.items()
    }
    total = torch.stack([head.weight * losses[name] for name, head in heads.items()]).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip, foreach=True)
    optimiser.step()
    return {name: loss.detach() for name, loss in losses.items()}


def _generator(seed: int, step: int) -> torch.Generator:
    # Seeded by the step, so that a resumed run draws what an undisturbed one would.
    return torch.Generator().manual_seed(int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1))
