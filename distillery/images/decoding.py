"""One image file to RGB pixels, whatever its mode, depth or orientation; what cannot be read says why."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

WIDE_MODES = ("I", "I;16", "I;16B", "I;16L")


class UnreadableImageError(Exception):
    """The reason, short enough for the manifest's ``status`` column."""


def decode(path: Path, *, min_side: int, max_pixels: int) -> Image.Image:
    """Read an image as 8-bit RGB, upright.

    Sixteen-bit grey is scaled to eight, palettes and CMYK are converted, an EXIF orientation is applied, an alpha
    channel is dropped. The size is checked before any pixel is decoded.

    Raises:
        UnreadableImageError: missing, empty, not an image, truncated, or its size is out of bounds.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            _check_size(image, min_side, max_pixels)
            return _eight_bit(ImageOps.exif_transpose(image)).convert("RGB")
    except UnreadableImageError:
        raise
    except FileNotFoundError:
        raise UnreadableImageError("missing file") from None
    except UnidentifiedImageError:
        reason = "not an image" if path.stat().st_size else "empty file"
        raise UnreadableImageError(reason) from None
    except Image.DecompressionBombError:
        limit = min(max_pixels, 2 * (Image.MAX_IMAGE_PIXELS or max_pixels))
        raise UnreadableImageError(f"too large: more than {limit} pixels") from None
    except Exception as error:  # Pillow's readers raise whatever a damaged byte makes them trip over
        raise UnreadableImageError(f"damaged: {error}") from None


def fit(image: Image.Image, size: int) -> np.ndarray:
    """The central square at ``size`` pixels a side: uint8 [size, size, 3], filtered against aliasing."""
    square = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    return np.asarray(square, dtype=np.uint8)


def content_hash(image: Image.Image) -> str:
    """A 128-bit hash of the decoded pixels and their shape: the image's name in every table."""
    digest = hashlib.blake2b(f"{image.size}".encode(), digest_size=16)
    digest.update(image.tobytes())
    return digest.hexdigest()


def _check_size(image: Image.Image, min_side: int, max_pixels: int) -> None:
    width, height = image.size
    if min(width, height) < min_side:
        raise UnreadableImageError(f"too small: {width}x{height}, a side must be at least {min_side}")
    if width * height > max_pixels:
        raise UnreadableImageError(f"too large: {width}x{height}, at most {max_pixels} pixels")


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode not in WIDE_MODES:
        return image
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))
