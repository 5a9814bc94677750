"""Image files of every format that is read, and some that are not."""

from io import BytesIO
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from distillery.images.decoding import UnreadableImageError, decode
from tests.fuzz.answers import answer
from tests.fuzz.mutations import mutated

MAX_PIXELS = 100_000
FORMATS = {
    "JPEG": [("RGB", {}), ("RGB", {"progressive": True}), ("CMYK", {}), ("L", {"exif": True})],
    "PNG": [("RGB", {}), ("P", {}), ("RGBA", {"exif": True}), ("I;16", {}), ("1", {})],
    "BMP": [("RGB", {}), ("P", {}), ("1", {})],
    "GIF": [("P", {}), ("L", {"save_all": True})],
    "TIFF": [
        ("RGB", {}),
        ("RGB", {"compression": "tiff_lzw"}),
        ("RGB", {"compression": "jpeg"}),
        ("I;16", {}),
        ("F", {}),
    ],
    "WEBP": [("RGB", {"exif": True}), ("RGBA", {"lossless": True})],
    "PPM": [("RGB", {}), ("L", {}), ("1", {})],
    "ICNS": [("RGBA", {})],
}


def _seed(kind: str, mode: str, options: dict[str, object]) -> bytes:
    y, x = np.mgrid[0:24, 0:20]
    image = Image.fromarray(np.stack([x * 9, y * 10, 200 - x * 2], axis=2).astype(np.uint8))
    image = Image.fromarray((x * 900).astype(np.uint16)) if mode == "I;16" else image.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    extra = {"exif": exif} if options.get("exif") else {}
    frames = {"append_images": [image.rotate(90)]} if options.get("save_all") else {}
    with BytesIO() as file:
        image.save(file, kind, **{**options, **extra, **frames})
        return file.getvalue()


def seeds(kind: str) -> list[bytes]:
    return [_seed(kind, mode, options) for mode, options in FORMATS[kind]]


def inputs(kind: str) -> st.SearchStrategy[bytes]:
    return mutated(seeds(kind))


def check(content: bytes, folder: Path) -> None:
    """Decoding gives an upright RGB image within bounds, or the documented error in a few words."""
    path = folder / "x.png"
    path.write_bytes(content)
    found, reason = answer(UnreadableImageError, decode, path, min_side=1, max_pixels=MAX_PIXELS)
    if reason:
        assert len(reason) < 250 and reason.encode()
    else:
        assert found.mode == "RGB"
        assert 0 < found.size[0] * found.size[1] <= MAX_PIXELS
