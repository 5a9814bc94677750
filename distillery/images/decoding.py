"""One image file to RGB pixels, whatever its mode, depth or orientation; what cannot be read says why.

Files are not trusted: only formats whose readers run in this process, only regular files of this project, and memory
and time are bounded by ``max_pixels`` before any of a file's own numbers is believed.
"""

import errno
import hashlib
import io
import os
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from distillery.errors import DistilleryError

# None of these starts another program, as EPS starts Ghostscript, or reads a second file.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
WIDE_MODES = ("I", "I;16", "I;16B", "I;16L")
BYTES_PER_PIXEL = 8  # of the fattest format, raw with four 16-bit channels; and room for metadata beside the pixels
MAX_HEADER = 1 << 24  # bytes read before the size is known; a short read counts as LEAST_READ
LEAST_READ = 1 << 12  # because Pillow's readers join blocks of text in time that grows with the square of their count
MAX_REASON = 160  # characters
NOT_THE_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # errors of the machine, which say nothing about a file
MAX_SCANS = 100  # of a progressive JPEG, usually 10; each costs a pass over all pixels, however few its bytes


class UnreadableImageError(Exception):
    """The reason, short enough for the manifest's ``status`` column."""


def decode(source: Path | bytes, *, min_side: int, max_pixels: int) -> Image.Image:
    """Read an image, a file or its bytes, as 8-bit RGB, upright.

    Sixteen-bit grey is scaled to eight, palettes and CMYK are converted, an EXIF orientation is applied, an alpha
    channel is dropped. The size is checked before any pixel is decoded.

    Raises:
        UnreadableImageError: missing, empty, no regular file, behind a link out of the project, not an image,
            truncated, or its size is out of bounds.
    """
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            _open(source, max_pixels) as file,
            Image.open(file, formats=FORMATS) as image,
        ):
            _check_size(image, min_side, max_pixels)
            _check_scans(image, file)
            file.ration = None
            return _eight_bit(ImageOps.exif_transpose(image)).convert("RGB")
    except (UnreadableImageError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError("not an image") from None
    except Image.DecompressionBombError:
        limit = min(max_pixels, 2 * (Image.MAX_IMAGE_PIXELS or max_pixels))
        raise UnreadableImageError(f"too large: more than {limit} pixels") from None
    except Exception as error:  # Pillow's readers raise whatever a damaged byte makes them trip over
        if isinstance(error, OSError) and error.errno in NOT_THE_FILES:
            raise
        raise UnreadableImageError(f"damaged: {_short(error)}") from None


def check_inside_project(path: Path) -> None:
    """Refuse a path that some link leads out of the working directory; links within it are DVC's to set.

    Raises:
        DistilleryError: where the link leads.
    """
    real, written = os.path.realpath(path), os.path.abspath(path)
    if real != written and not Path(real).is_relative_to(os.path.realpath(os.curdir)):
        raise DistilleryError(f"{path}: a link leads out of the project, to {real}; move the data here")


def fit(image: Image.Image, size: int) -> np.ndarray:
    """The central square at ``size`` pixels a side: uint8 [size, size, 3], filtered against aliasing."""
    square = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    return np.asarray(square, dtype=np.uint8)


def content_hash(image: Image.Image) -> str:
    """A 128-bit hash of the decoded pixels and their shape: the image's name in every table."""
    digest = hashlib.blake2b(f"{image.size}".encode(), digest_size=16)
    digest.update(image.tobytes())
    return digest.hexdigest()


class _Rationed(io.BufferedReader):
    """A file that gives out a bounded header, then, with no ``ration``, everything."""

    ration: int | None = MAX_HEADER

    def read(self, size: int | None = -1, /) -> bytes:
        if self.ration is not None and size is not None and size >= 0:  # a read of the whole is bounded by its length
            self.ration -= max(size, LEAST_READ)
            if self.ration < 0:
                raise UnreadableImageError("damaged: the header does not end")
        return super().read(size)


def _open(source: Path | bytes, max_pixels: int) -> _Rationed:
    """Open a regular file of a sane length; a pipe would wait for ever, a device never end."""
    if isinstance(source, bytes):
        _check_length(len(source), max_pixels)
        return _Rationed(io.BytesIO(source))
    try:
        check_inside_project(source)
        found = source.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableImageError("not a regular file")
        _check_length(found.st_size, max_pixels)
        return _Rationed(io.FileIO(source))
    except DistilleryError:
        raise UnreadableImageError("a link leads out of the project") from None
    except FileNotFoundError:
        raise UnreadableImageError("missing file") from None
    except OSError as error:
        if error.errno in NOT_THE_FILES:
            raise
        raise UnreadableImageError(f"cannot be opened: {error.strerror}") from None
    except ValueError:
        raise UnreadableImageError("cannot be opened: a zero byte in its name") from None


def _check_length(count: int, max_pixels: int) -> None:
    if not count:
        raise UnreadableImageError("empty file")
    if count > (limit := BYTES_PER_PIXEL * max_pixels + 4 * MAX_HEADER):
        raise UnreadableImageError(f"too large: {count} bytes, at most {limit}")


def _check_size(image: Image.Image, min_side: int, max_pixels: int) -> None:
    width, height = image.size
    if min(width, height) < min_side:
        raise UnreadableImageError(f"too small: {width}x{height}, a side must be at least {min_side}")
    if isinstance(image, TiffImageFile):  # a tile is decoded whole, however little of it the image shows
        width, height = (max(a, b) for a, b in zip(image.size, _tile(image), strict=True))
    if width * height > max_pixels:
        raise UnreadableImageError(f"too large: {width}x{height}, at most {max_pixels} pixels")


def _tile(image: TiffImageFile) -> tuple[int, int]:
    sides = [image.tag_v2.get(tag, 0) for tag in (TILEWIDTH, TILELENGTH)]
    if not all(isinstance(side, int) for side in sides):
        raise UnreadableImageError("damaged: the size of a tile is no number")
    return sides[0], sides[1]


def _check_scans(image: Image.Image, file: _Rationed) -> None:
    if image.format not in ("JPEG", "MPO") or "progressive" not in image.info:
        return
    position = file.tell()
    file.seek(0)
    scans = file.read().count(b"\xff\xda")
    file.seek(position)
    if scans > MAX_SCANS:
        raise UnreadableImageError(f"damaged: {scans} scans, at most {MAX_SCANS}")


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode not in WIDE_MODES:
        return image
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))


def _short(error: Exception) -> str:
    """Of bounded length and without half characters, which no table can hold."""
    text = str(error).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}..."
