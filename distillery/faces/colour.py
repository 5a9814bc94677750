"""Display colours and light: sRGB (IEC 61966-2-1) against linear RGB."""

import numpy as np

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def linear(display: np.ndarray | tuple[float, float, float]) -> np.ndarray:
    """Linear RGB in 0..1 of display values in 0..255, of any shape."""
    value = np.asarray(display, float) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def display(light: np.ndarray) -> np.ndarray:
    """Display values in 0..1 of linear light of any shape; light outside 0..1 is clipped."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
