"""Random augmentation of a batch while training: every image draws its own strengths from one generator."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from distillery.images import transforms


@dataclass(frozen=True, kw_only=True)
class Strengths:
    """How far each transform may go.

    Attributes:
        flip: probability of a left-right flip.
        rotation: largest angle, degrees.
        scale: smallest and largest zoom.
        shift: largest move, share of the side.
        brightness, contrast, saturation: largest relative change.
        grey: probability of losing all colour.
        blur: largest share of the smoothed image.
        noise: largest standard deviation of grey grain, in 0..1.
        erase: probability of a grey rectangle.
    """

    flip: float
    rotation: float
    scale: tuple[float, float]
    shift: float
    brightness: float
    contrast: float
    saturation: float
    grey: float
    blur: float
    noise: float
    erase: float


DRAWS = 17  # random numbers an image
BANK = 1 << 20  # stored grains of noise


def augment(images: Tensor, strengths: Strengths, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Transform float images [batch, 3, height, width] in 0..1; also returns which were flipped, bool [batch].

    The numbers are drawn on the CPU, so that every device sees the same ones, and travel in one upload.
    """
    drawn = torch.rand(DRAWS, len(images), generator=generator)
    if images.is_cuda:
        drawn = drawn.pin_memory()
    unit = iter(drawn.to(images.device, non_blocking=True))

    def uniform(low: float, high: float) -> Tensor:
        return next(unit) * (high - low) + low

    s = strengths
    flipped = uniform(0, 1) < s.flip
    images = transforms.affine(
        images,
        flip=flipped,
        degrees=uniform(-s.rotation, s.rotation),
        scale=uniform(*s.scale),
        shift=torch.stack([uniform(-s.shift, s.shift), uniform(-s.shift, s.shift)], dim=1),
    )
    saturation = uniform(1 - s.saturation, 1 + s.saturation) * (uniform(0, 1) >= s.grey)
    images = transforms.colour(
        images,
        brightness=uniform(1 - s.brightness, 1 + s.brightness),
        contrast=uniform(1 - s.contrast, 1 + s.contrast),
        saturation=saturation,
    )
    blur, noise, start, erased = uniform(0, s.blur), uniform(0, s.noise), uniform(0, 1), uniform(0, 1) < s.erase
    if s.blur:
        images = transforms.blur(images, blur)
    if s.noise:
        images = images.addcmul_(_grain(images, start), noise.view(-1, 1, 1, 1)).clamp_(0, 1)
    if s.erase:
        centre = torch.stack([uniform(0, 1), uniform(0, 1)], dim=1)
        size = torch.stack([uniform(0.15, 0.45), uniform(0.15, 0.45)], dim=1) * erased[:, None]
        images = transforms.erase(images, centre=centre, size=size)
    return images, flipped


def _grain(images: Tensor, start: Tensor) -> Tensor:
    """Normal noise [batch, 1, height, width]: a stretch of one stored sequence each; ``start`` 0..1 says where.

    Drawing afresh costs as much as the resampling does, and on a GPU it would have to be drawn on the CPU.
    """
    height, width = images.shape[-2:]
    bank = _grains(max(BANK, 4 * height * width), images.device)
    stretches = bank.unfold(0, height * width, 1)
    return stretches[(start * len(stretches)).long().clamp_(max=len(stretches) - 1)].view(-1, 1, height, width)


@cache
def _grains(count: int, device: torch.device) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(0)).to(device)
