"""Random augmentation of a batch while training: every image draws its own strengths from one generator."""

from dataclasses import dataclass

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


def augment(images: Tensor, strengths: Strengths, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Transform float images [batch, 3, height, width] in 0..1; also returns which were flipped, bool [batch].

    The draws are made on the CPU, so that every device sees the same ones.
    """
    count = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(count, *shape, generator=generator) * (high - low) + low
        return drawn.to(images.device)

    s = strengths
    flipped = uniform(0, 1) < s.flip
    images = transforms.affine(
        images,
        flip=flipped,
        degrees=uniform(-s.rotation, s.rotation),
        scale=uniform(*s.scale),
        shift=uniform(-s.shift, s.shift, 2),
    )
    saturation = uniform(1 - s.saturation, 1 + s.saturation) * (uniform(0, 1) >= s.grey)
    images = transforms.colour(
        images,
        brightness=uniform(1 - s.brightness, 1 + s.brightness),
        contrast=uniform(1 - s.contrast, 1 + s.contrast),
        saturation=saturation,
    )
    if s.blur:
        images = transforms.blur(images, uniform(0, s.blur))
    if s.noise:
        grain = torch.randn(count, 1, *images.shape[2:], generator=generator).to(images.device)
        images = (images + grain * uniform(0, s.noise, 1, 1, 1)).clamp_(0, 1)
    if s.erase:
        size = uniform(0.15, 0.45, 2) * (uniform(0, 1, 1) < s.erase)
        images = transforms.erase(images, centre=uniform(0, 1, 2), size=size)
    return images, flipped
