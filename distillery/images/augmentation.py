"""Random augmentation of a batch while training: every image draws its own strengths from one generator."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from distillery.images import transforms
from distillery.images.policies import Policy, apply_policy


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
        policy: a published one, before all others.
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
    policy: Policy | None = None


BANK = 1 << 20  # stored grains of noise
UNIT = (0.0, 1.0)
ERASED = (0.15, 0.45)  # shares of the side


def augment(images: Tensor, strengths: Strengths, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Transform float images [batch, 3, height, width] in 0..1; also returns which were flipped, bool [batch].

    The numbers are drawn on the CPU, so that every device sees the same ones, and travel in one upload.
    """
    s = strengths
    if s.policy is not None:
        images = apply_policy(images, s.policy, generator)
    low, span = _spans(s, images.device)
    unit = torch.rand(len(low), len(images), generator=generator)
    drawn = torch.addcmul(low, span, (unit.pin_memory() if images.is_cuda else unit).to(low.device, non_blocking=True))
    flip, degrees, scale, right, down, brightness, contrast, saturation, grey, blur, noise, start, *erasing = drawn
    flipped = flip < s.flip
    images = transforms.affine(
        images, flip=flipped, degrees=degrees, scale=scale, shift=torch.stack([right, down], dim=1)
    )
    images = transforms.colour(
        images, brightness=brightness, contrast=contrast, saturation=saturation * (grey >= s.grey)
    )
    if s.blur:
        images = transforms.blur_(images, blur)
    if s.noise:
        images = images.addcmul_(_grain(images, start), noise.view(-1, 1, 1, 1)).clamp_(0, 1)
    if s.erase:
        chance, x, y, width, height = erasing
        size = torch.stack([width, height], dim=1) * (chance < s.erase)[:, None]
        images = transforms.erase(images, centre=torch.stack([x, y], dim=1), size=size)
    return images, flipped


@cache
def _spans(s: Strengths, device: torch.device) -> tuple[Tensor, Tensor]:
    """The lowest value and the width of each number that an image draws, in the order of ``augment``: [numbers, 1]."""
    spans = [UNIT, (-s.rotation, s.rotation), s.scale, (-s.shift, s.shift), (-s.shift, s.shift)]
    spans += [(1 - change, 1 + change) for change in (s.brightness, s.contrast, s.saturation)]
    spans += [UNIT, (0, s.blur), (0, s.noise), UNIT]
    spans += [UNIT, UNIT, UNIT, ERASED, ERASED]
    table = torch.tensor(spans, device=device)
    return table[:, :1].contiguous(), (table[:, 1:] - table[:, :1]).contiguous()


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
