"""Gaussian blur of small pictures."""

import numpy as np


def gaussian_blur(values: np.ndarray, sigma: float) -> np.ndarray:
    """Blurs over the first two axes, edges repeated; sigma in pixels, under 0.1 nothing happens."""
    if sigma < 0.1:
        return values
    reach = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(values.dtype)
    weights /= weights.sum()
    for axis in (0, 1):
        padding = [(reach, reach) if a == axis else (0, 0) for a in range(values.ndim)]
        padded, size = np.pad(values, padding, mode="edge"), values.shape[axis]
        values = sum(weight * padded.take(range(k, k + size), axis=axis) for k, weight in enumerate(weights))
    return values
