"""Transforms of a batch, each image with its own strength: geometry in one resampling, then colour.

Images are float [batch, 3, height, width] in 0..1; strengths are float [batch].
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def to_float(pixels: Tensor) -> Tensor:
    """uint8 [batch, height, width, 3] as stored, to float [batch, 3, height, width], channels last in memory."""
    return pixels.permute(0, 3, 1, 2).float().div_(255)


def affine(images: Tensor, *, flip: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Flip, rotate, zoom and move in one bilinear resampling; the border is repeated.

    Args:
        images: float [batch, 3, height, width].
        flip: bool [batch].
        degrees: counter-clockwise.
        scale: above 1 enlarges the content.
        shift: [batch, 2], x and y, as a share of the side.
    """
    angle = degrees * (math.pi / 180)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    sign = 1 - 2 * flip.to(images.dtype)
    rows = torch.stack([cos * sign, -sin * sign, -2 * shift[:, 0], sin, cos, -2 * shift[:, 1]], dim=1)
    return resample(images, rows.view(-1, 2, 3))


def resample(images: Tensor, maps: Tensor) -> Tensor:
    """Bilinear resampling through affine maps [batch or 1, 2, 3], from output to input, in -1..1 from edge to edge.

    The grid is a sum of an across and a down part, laid out as a plane of x and one of y: a twentieth of the time of
    ``F.affine_grid``'s matrix product.
    """
    height, width = images.shape[-2:]
    x = (torch.arange(width, device=images.device) * 2 + 1) / width - 1
    y = (torch.arange(height, device=images.device) * 2 + 1) / height - 1
    across = maps[:, :, 0, None, None] * x
    down = maps[:, :, 1, None, None] * y[:, None] + maps[:, :, 2, None, None]
    grid = (across + down).expand(len(images), -1, -1, -1).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def colour(images: Tensor, *, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Scale brightness, then contrast about the image's mean, then saturation; 1 leaves as it is. Clamped to 0..1.

    All three are linear in the pixels, so they are one matrix [3, 3] and one offset per image: a single pass.
    """
    mean = images.mean(dim=(1, 2, 3)) * brightness
    luma = _luma(images.device).expand(3, 3)
    keep, mix = saturation.view(-1, 1, 1), (1 - saturation).view(-1, 1, 1)
    matrix = (keep * torch.eye(3, device=images.device) + mix * luma) * (brightness * contrast).view(-1, 1, 1)
    # The rows of the saturation matrix sum to 1: it leaves the grey offset of the contrast as it is.
    offset = (mean * (1 - contrast)).view(-1, 1, 1)
    return torch.baddbmm(offset, matrix, images.flatten(2)).clamp_(0, 1).view_as(images)


def grey(images: Tensor) -> Tensor:
    """The luma of each pixel, [batch, 1, height, width]."""
    return (images * _luma(images.device).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def blur_(images: Tensor, amount: Tensor) -> Tensor:
    """Smooth each axis in place by ``[a, 4 - 2 a, a] / 4``; amount ``a`` is 0..1, and 1 is the 3 x 3 binomial filter.

    Differences of neighbours, one axis at a time, the border repeated: on a CPU a depthwise convolution of contiguous
    images takes over four times as long.
    """
    share = _wide(amount / 4)
    for before, after in ((images[..., :-1], images[..., 1:]), (images[:, :, :-1], images[:, :, 1:])):
        step = after - before
        before.addcmul_(step, share)
        after.addcmul_(step, share, value=-1)
    return images


def erase(images: Tensor, *, centre: Tensor, size: Tensor) -> Tensor:
    """Paint a grey rectangle (Zhong et al., AAAI 2020). Centre and size: [batch, 2], x and y, shares of the side."""
    height, width = images.shape[-2:]
    x = (torch.arange(width, device=images.device) + 0.5) / width
    y = (torch.arange(height, device=images.device) + 0.5) / height
    inside_x = (x[None, :] - centre[:, :1]).abs() < size[:, :1] / 2
    inside_y = (y[None, :] - centre[:, 1:]).abs() < size[:, 1:] / 2
    return images.masked_fill((inside_y[:, None, :, None] & inside_x[:, None, None, :]), 0.5)


@cache
def _luma(device: torch.device) -> Tensor:
    # Kept on the device: made in every step, it would have to be uploaded in every step.
    return torch.tensor(LUMA, device=device)


def _wide(strength: Tensor) -> Tensor:
    return strength.view(-1, 1, 1, 1)
