"""Our training stage against timm's loop: images a second, the same network with one classification head.

In an epoch both sides make the same number of AdamW steps on batches of the same size out of the same decoded images:
forward under bf16, smoothed cross-entropy, backward, clipping by norm, warm-up and cosine, moving average of the
weights, and a checkpoint at the end. Neither decodes a file, neither validates.

Ours is the stage's loop with the student's parameters: images gathered from the memory-mapped store, augmented as a
batch (flip, rotation, zoom, shift, brightness, contrast, saturation, grey, smoothing, grain, erasing), deterministic
algorithms on. timm's is written as its train.py does it, from its own parts: ``create_loader`` with its prefetcher over
a dataset of PIL images, ``ClassificationTask``, ``create_optimizer_v2``, ``dispatch_clip_grad``, ``ModelEmaV3``,
``create_scheduler_v2``, ``CheckpointSaver``.

timm augments image by image with crop and resize, flip, colour jitter, grey and erasing. It has no rotation, shift or
grain, and its smoothing is left off (a kernel of 23 pixels, hard-coded, would cost it most of its time): it does less.
It runs with two worker processes and with none, and the faster counts; both are in the note.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from timm.data import create_loader
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.task import ClassificationTask
from timm.utils import AverageMeter, CheckpointSaver, dispatch_clip_grad
from torch.utils.data import DataLoader, Dataset

from benchmarks.peers.alternating import Row, seconds
from benchmarks.peers.setting import HEAD, Work, begin, make_pixels, make_single_head, make_store
from benchmarks.peers.stage import stage_epochs
from distillery.heads import names
from distillery.params import Params

WORKS = (
    Work(backbone="compact", size=64, steps=12, passes=3),
    Work(backbone="mobilenet_v3_small", size=64, steps=12, passes=3),
    Work(backbone="resnet18", size=112, steps=3, passes=2),
)
WORKERS = (2, 0)


def measure() -> Iterator[Row]:
    """A row for each network."""
    params = begin()
    for work in WORKS:
        with tempfile.TemporaryDirectory() as folder:
            yield _compare(params, work, Path(folder))


def _compare(params: Params, work: Work, folder: Path) -> Row:
    count = work.steps * params.student.batch
    pixels = make_pixels(count, work.size)
    groups = {"all": (np.arange(count), 1.0)}
    sides = {"ours": stage_epochs(params, work, make_store(folder, pixels), folder, groups=groups)}
    for workers in WORKERS:
        place = folder / str(workers)
        place.mkdir()
        sides[f"{workers} workers"] = timm_epochs(params, work, pixels, place, workers=workers)
    rates = {name: count / taken for name, taken in seconds(sides, passes=work.passes).items()}
    ours = rates.pop("ours")
    best = max(rates, key=lambda name: rates[name])
    return {
        "group": "training",
        "case": f"{work.backbone}, {work.size} px",
        "against": "timm",
        "unit": "images a second",
        "value": ours,
        "reference": rates[best],
        "ratio": ours / rates[best],
        "note": ", ".join(f"timm with {name}: {rate:.0f}" for name, rate in rates.items()),
    }


class Decoded(Dataset):
    """Decoded images and their classes, served as the PIL images that timm's transforms expect."""

    def __init__(self, pixels: np.ndarray, *, classes: int) -> None:
        self.transform: Callable[[Image.Image], np.ndarray] | None = None  # set by timm's create_loader
        self._pixels = pixels
        self._labels = np.random.default_rng(0).integers(0, classes, len(pixels)).tolist()

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        assert self.transform is not None
        return self.transform(Image.fromarray(self._pixels[index])), self._labels[index]


def timm_epochs(params: Params, work: Work, pixels: np.ndarray, folder: Path, *, workers: int) -> Callable[[], None]:
    """A function that trains timm's next epoch."""
    section, classes = params.student, len(names(params.heads[HEAD]))
    network = make_single_head(params, backbone=work.backbone, classes=classes)
    task = ClassificationTask(network, criterion_kwargs={"smoothing": section.smoothing}, verbose=False)
    optimiser = create_optimizer_v2(network, opt="adamw", lr=section.learning_rate, weight_decay=section.weight_decay)
    task.setup_ema(decay=section.ema, use_warmup=True)
    scheduler, _ = create_scheduler_v2(
        optimiser, num_epochs=work.passes + 1, warmup_epochs=1, step_on_epochs=False, updates_per_epoch=work.steps
    )
    saver = CheckpointSaver(network, optimiser, task=task, checkpoint_dir=str(folder), max_history=1)
    loader = _loader(params, pixels, classes=classes, workers=workers)
    updates = 0

    def act() -> None:
        nonlocal updates
        meter = AverageMeter()
        task.train()
        for images, labels in loader:
            with torch.autocast("cpu", torch.bfloat16, enabled=section.bf16):
                loss = task(images.contiguous(memory_format=torch.channels_last), labels)["loss"]
            loss.backward()
            dispatch_clip_grad(task.get_clip_parameters(), value=section.clip, mode="norm")
            optimiser.step()
            optimiser.zero_grad()
            updates += 1
            task.update_ema(step=updates)
            meter.update(loss.item(), len(images))
            scheduler.step_update(num_updates=updates, metric=meter.avg)
        saver.save_checkpoint(updates // work.steps)

    return act


def _loader(params: Params, pixels: np.ndarray, *, classes: int, workers: int) -> DataLoader:
    strengths = params.student.augmentation
    return create_loader(
        Decoded(pixels, classes=classes),
        input_size=(3, *pixels.shape[1:3]),
        batch_size=params.student.batch,
        is_training=True,
        scale=(0.72, 1.0),  # of the area: a zoom of up to 1.18
        ratio=(1.0, 1.0),
        hflip=strengths.flip,
        color_jitter=(strengths.brightness, strengths.contrast, strengths.saturation),
        grayscale_prob=strengths.grey,
        re_prob=strengths.erase,
        interpolation="bilinear",
        num_workers=workers,
        device=torch.device("cpu"),
    )
