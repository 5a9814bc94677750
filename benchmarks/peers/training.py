"""Our training stage against timm's loop: images a second, the same network with one classification head.

In a pass both sides make the same number of AdamW steps on batches of the same size out of decoded images in memory:
forward under bf16, smoothed cross-entropy, backward, clipping by norm, warm-up and cosine, moving average of the
weights. Neither decodes a file or validates. timm writes no checkpoint; ours writes one where params.yaml's seconds
between two are over.

Ours is the stage's loop with the teacher's parameters: images gathered from the memory-mapped store, augmented as a
batch (flip, rotation, zoom, shift, brightness, contrast, saturation, grey, smoothing, grain), deterministic algorithms
where params.yaml says so. timm's is written as its train.py does it, from its own parts: ``create_loader`` with its
prefetcher over a dataset of PIL images, ``ClassificationTask``, ``create_optimizer_v2``, ``dispatch_clip_grad``,
``ModelEmaV3``, ``create_scheduler_v2``.

timm augments image by image with crop and resize, flip, colour jitter and grey. It has no rotation, shift or grain, and
its smoothing is left off (a kernel of 23 pixels, hard-coded, would cost it most of its time): it does less. Its pass is
an epoch of its loader, so that with worker processes no batch is ready before the clock starts, as at the start of any
of its epochs. It runs with two workers and with none, and the faster counts; both are in the note.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from timm.data import create_loader
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.task import ClassificationTask
from timm.utils import AverageMeter, dispatch_clip_grad
from torch.utils.data import DataLoader, Dataset

from benchmarks.peers.alternating import as_a_stage, seconds
from benchmarks.peers.single_head import class_count, layers, one_head
from benchmarks.rows import Row, row
from benchmarks.setting import bf16, network, params, store, training_stage

SHAPES = (("compact", 64, 12, 3), ("mobilenet_v3_small", 64, 12, 3), ("resnet18", 112, 3, 3))  # steps, passes
WORKERS = (2, 0)


def measure() -> Iterator[Row]:
    """A row of the group ``peers: training`` for each network."""
    batch = params().teacher.batch
    for backbone, size, steps, passes in SHAPES:
        ours = training_stage(network(backbone, one_head()), store(size), steps=steps, batch=batch, heads=one_head())
        sides = {"ours": as_a_stage(ours)}
        pixels = store(size).gather(np.arange(steps * batch)).numpy()
        for workers in WORKERS:
            sides[f"{workers} workers"] = timm_epochs(backbone, pixels, steps=steps, workers=workers)
        rates = {name: steps * batch / taken for name, taken in seconds(sides, passes=passes).items()}
        value = rates.pop("ours")
        note = ", ".join(f"timm with {name} {rate:,.0f}" for name, rate in rates.items())
        case = f"{backbone}, {size} px"
        yield row(
            "peers: training", case, value, unit="images/s", against="timm", reference=max(rates.values()), note=note
        )


class Decoded(Dataset):
    """Decoded images and their classes, served as the PIL images that timm's transforms expect."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.transform: Callable[[Image.Image], np.ndarray] | None = None  # set by timm's create_loader
        self._pixels = pixels

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        assert self.transform is not None
        return self.transform(Image.fromarray(self._pixels[index])), index % class_count()


def timm_epochs(backbone: str, pixels: np.ndarray, *, steps: int, workers: int) -> Callable[[], None]:
    """A function that trains timm's next epoch of ``steps`` steps."""
    section, made = params().teacher, layers(backbone)
    task = ClassificationTask(made, criterion_kwargs={"smoothing": section.smoothing}, verbose=False)
    optimiser = create_optimizer_v2(made, opt="adamw", lr=section.learning_rate, weight_decay=section.weight_decay)
    task.setup_ema(decay=section.ema, use_warmup=True)
    scheduler, _ = create_scheduler_v2(
        optimiser, num_epochs=section.epochs, warmup_epochs=2, step_on_epochs=False, updates_per_epoch=steps
    )
    loader, half = _loader(pixels, workers=workers), bf16(made)
    updates = 0

    def act() -> None:
        nonlocal updates
        meter = AverageMeter()
        task.train()
        for images, labels in loader:
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                loss = task(images.contiguous(memory_format=torch.channels_last), labels)["loss"]
            loss.backward()
            dispatch_clip_grad(task.get_clip_parameters(), value=section.clip, mode="norm")
            optimiser.step()
            optimiser.zero_grad()
            updates += 1
            task.update_ema(step=updates)
            meter.update(loss.item(), len(images))
            scheduler.step_update(num_updates=updates, metric=meter.avg)

    return act


def _loader(pixels: np.ndarray, *, workers: int) -> DataLoader:
    section = params().teacher
    strengths = section.augmentation
    return create_loader(
        Decoded(pixels),
        input_size=(3, *pixels.shape[1:3]),
        batch_size=section.batch,
        is_training=True,
        scale=(0.8, 1.0),  # of the area: a zoom of up to 1.12
        ratio=(1.0, 1.0),
        hflip=strengths.flip,
        color_jitter=(strengths.brightness, strengths.contrast, strengths.saturation),
        grayscale_prob=strengths.grey,
        re_prob=strengths.erase,
        interpolation="bilinear",
        num_workers=workers,
        device=torch.device("cpu"),
    )
