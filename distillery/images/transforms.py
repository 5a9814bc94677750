"""Transforms of a batch, each image with its own strength: geometry in one resampling, then colour.

Images are float [batch, 3, height, width] in 0..1; strengths are float [batch].
"""

import math

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
    grid = F.affine_grid(rows.view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def colour(images: Tensor, *, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Scale brightness, then contrast about the image's mean, then saturation; 1 leaves as it is. Clamped to 0..1.

    All three are linear in the pixels, so they are one matrix [3, 3] and one offset per image: a single pass.
    """
    mean = images.mean(dim=(1, 2, 3)) * brightness
    luma = images.new_tensor(LUMA).expand(3, 3)
    keep, mix = saturation.view(-1, 1, 1), (1 - saturation).view(-1, 1, 1)
    matrix = (keep * torch.eye(3, device=images.device) + mix * luma) * (brightness * contrast).view(-1, 1, 1)
    # The rows of the saturation matrix sum to 1: it leaves the grey offset of the contrast as it is.
    offset = (mean * (1 - contrast)).view(-1, 1, 1)
    return torch.baddbmm(offset, matrix, images.flatten(2)).clamp_(0, 1).view_as(images)


def grey(images: Tensor) -> Tensor:
    """The luma of each pixel, [batch, 1, height, width]."""
    weights = images.new_tensor(LUMA).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def blur(images: Tensor, amount: Tensor) -> Tensor:
    """Mix each image with its 3 x 3 binomial smoothing; amount 0..1.

    Sums of shifted images, one axis at a time: on a CPU a depthwise convolution takes seven times as long.
    """
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    across = padded[..., :-2] + padded[..., 2:] + 2 * padded[..., 1:-1]
    smooth = (across[:, :, :-2] + across[:, :, 2:] + 2 * across[:, :, 1:-1]).div_(16)
    return torch.lerp(images, smooth, _wide(amount))


def erase(images: Tensor, *, centre: Tensor, size: Tensor) -> Tensor:
    """Paint a grey rectangle (Zhong et al., AAAI 2020). Centre and size: [batch, 2], x and y, shares of the side."""
    height, width = images.shape[-2:]
    x = (torch.arange(width, device=images.device) + 0.5) / width
    y = (torch.arange(height, device=images.device) + 0.5) / height
    inside_x = (x[None, :] - centre[:, :1]).abs() < size[:, :1] / 2
    inside_y = (y[None, :] - centre[:, 1:]).abs() < size[:, 1:] / 2
    return images.masked_fill((inside_y[:, None, :, None] & inside_x[:, None, None, :]), 0.5)


def _wide(strength: Tensor) -> Tensor:
    return strength.view(-1, 1, 1, 1)
