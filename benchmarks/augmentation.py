"""What to augment with, the question behind ``distillery/images/augmentation.py``: all by turns on the same images.

Each side flips, rotates, zooms, moves, changes colours, smooths and adds noise, from stored uint8 to float on the
device. ``torchvision`` transforms image by image in two worker processes; ``kornia`` and ours take whole batches.
"""

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.rows import Act, Row, compare_many
from benchmarks.setting import params, store
from distillery.images.augmentation import augment
from distillery.images.transforms import to_float
from tasks.support.augmentation import make_strengths

BATCH, IMAGES, SIZE = 128, 1024, 64


def measure() -> Iterator[Row]:
    """Rows of the group ``augmentation``; kornia's where ``make bench`` has installed the peers."""
    acts = {"ours, on the device": _ours(), "torchvision v2, 2 worker processes": _torchvision()}
    if find_spec("kornia"):
        acts["kornia, on the device"] = _kornia()
    yield from compare_many("augmentation", acts, against="ours, on the device")


def _ours() -> Act:
    strengths = make_strengths(params().teacher.augmentation)
    generator = torch.Generator().manual_seed(0)
    images = store(SIZE)

    def act() -> int:
        for start in range(0, IMAGES, BATCH):
            pixels = images.gather(np.arange(start, start + BATCH)).to(params().device)
            augment(to_float(pixels), strengths, generator)
        return IMAGES

    return act


class _Images(Dataset[Tensor]):
    def __init__(self) -> None:
        from torchvision.transforms import v2

        s = params().teacher.augmentation
        self._pixels = store(SIZE).gather(np.arange(IMAGES)).permute(0, 3, 1, 2)
        self._transform = v2.Compose(
            [
                v2.RandomHorizontalFlip(s.flip),
                v2.RandomAffine(s.rotation, (s.shift, s.shift), s.scale, interpolation=v2.InterpolationMode.BILINEAR),
                v2.ColorJitter(s.brightness, s.contrast, s.saturation),
                v2.RandomGrayscale(s.grey),
                v2.GaussianBlur(3, (0.1, 0.6)),
                v2.ToDtype(torch.float32, scale=True),
                v2.GaussianNoise(sigma=s.noise),
            ]
        )

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, index: int) -> Tensor:
        return self._transform(self._pixels[index])


def _torchvision() -> Act:
    loader = DataLoader(_Images(), batch_size=BATCH, num_workers=2, persistent_workers=True)

    def act() -> int:
        for _ in loader:
            pass
        return IMAGES

    return act


def _kornia() -> Act:
    from kornia import augmentation as k

    s = params().teacher.augmentation
    transform = k.AugmentationSequential(
        k.RandomHorizontalFlip(s.flip),
        k.RandomAffine(s.rotation, (s.shift, s.shift), s.scale, p=1.0),
        k.ColorJiggle(s.brightness, s.contrast, s.saturation, p=1.0),
        k.RandomGrayscale(p=s.grey),
        k.RandomGaussianBlur((3, 3), (0.1, 0.6), p=1.0),
        k.RandomGaussianNoise(std=s.noise, p=1.0),
    )
    images = store(SIZE)

    def act() -> int:
        for start in range(0, IMAGES, BATCH):
            pixels = images.gather(np.arange(start, start + BATCH)).to(params().device)
            transform(to_float(pixels).contiguous())
        return IMAGES

    return act
