"""The loop: masked multi-task training, an epoch at a time; it yields, the caller records."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import update_bn

from distillery.heads import LearntHeads
from distillery.images.augmentation import Strengths, augment
from distillery.images.cells import Cells
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.networks.multihead import MultiHead
from distillery.training.batches import BatchPlan
from distillery.training.checkpoint import load_checkpoint, save_checkpoint
from distillery.training.coupling import Coupling
from distillery.training.examples import Examples
from distillery.training.loading import load_batches
from distillery.training.run import Run
from distillery.training.settings import Settings
from distillery.training.step import train_step
from distillery.training.validation import validate

STATISTICS = 16  # batches that batch normalisation's statistics are made of anew


def fit(
    network: MultiHead,
    heads: LearntHeads,
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
    couplings: Sequence[Coupling] = (),
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[dict[str, float]]:
    """Train ``network`` in place; yield a record after each epoch; leave the averaged weights in it at the end.

    A record holds ``epoch``, ``learning_rate``, by head ``train_loss/<head>``, ``weight/<head>``, ``val_loss/<head>``
    and ``val_score/<head>``, and by coupling ``coupling/<coupling>``. Every ``settings.save_every`` seconds, in the
    middle of an epoch too, all that the run is goes to ``checkpoint``; with one of the same ``key`` the stored records
    are yielded first, then training goes on from the very step, to the same bits.

    Args:
        couplings: losses that tie two heads together.
        stop: asked after every step and validation batch; once true, the run is saved and ended.

    Raises:
        KeyboardInterrupt: ``stop`` said so.
    """
    where = torch.device(device)
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    network.to(device=where, memory_format=layout)  # type: ignore[call-overload]
    run = Run(network, heads, settings, couplings=couplings, people=training.people(heads))
    load_checkpoint(checkpoint, run, key)
    yield from run.records
    saved = time.monotonic()

    def save_if_due() -> None:
        nonlocal saved
        stopping = stop()
        if stopping or time.monotonic() - saved >= settings.save_every:
            save_checkpoint(checkpoint, run, key)
            saved = time.monotonic()
        if stopping:
            raise KeyboardInterrupt

    def augmented(steps: range) -> Iterator[tuple[int, Tensor, Cells]]:
        with closing(load_batches(store, training, plan, steps, workers=settings.workers, device=where)) as batches:
            for step, (pixels, cells) in zip(steps, batches, strict=True):
                images, flipped = augment(to_float(pixels), strengths, _generator(seed, step))
                yield step, images.contiguous(memory_format=layout), cells.flipped(heads, flipped)

    for epoch in range(len(run.records), settings.epochs):
        network.train()
        first, last = epoch * settings.steps_per_epoch, (epoch + 1) * settings.steps_per_epoch
        steps = range(run.step, last)
        if steps:  # or the run was saved while it was evaluated, and there and back again would round
            run.learn(True)
        for step, images, cells in augmented(steps):
            run.set_rate(step)
            run.add(train_step(run, images, cells, settings))
            save_if_due()
        run.learn(False)
        if run.averages_itself:
            _renew_statistics(network, augmented(range(first, min(last, first + STATISTICS))))
        record = {"epoch": epoch + 1, "learning_rate": float(run.optimiser.param_groups[0]["lr"]), **run.means()}
        record |= validate(
            network,
            run.average.state,
            heads,
            store,
            validation,
            bf16=settings.bf16,
            device=where,
            between=save_if_due,
        )
        run.end_epoch(record)
        yield record
    save_checkpoint(checkpoint, run, key)
    network.load_state_dict(run.average.state)


def _renew_statistics(network: MultiHead, batches: Iterable[tuple[int, Tensor, Cells]]) -> None:
    """Give batch normalisation those of the weights that are evaluated: it knows those of the trained ones.

    So schedule-free AdamW's authors advise. What is drawn meanwhile, by dropout, is drawn from nobody else.
    """
    with torch.random.fork_rng([network.mean.device] if network.mean.is_cuda else []):
        update_bn((images for _, images, _ in batches), network)


def _generator(seed: int, step: int) -> torch.Generator:
    # Seeded by the step, so that a resumed run draws what an undisturbed one would.
    return torch.Generator().manual_seed(int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1))
