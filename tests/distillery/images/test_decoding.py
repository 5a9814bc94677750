import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distillery.images.decoding import UnreadableImageError, content_hash, decode, fit


def _decode(path: Path, *, min_side: int = 4, max_pixels: int = 10_000) -> np.ndarray:
    return np.asarray(decode(path, min_side=min_side, max_pixels=max_pixels)).astype(int)


@pytest.fixture
def picture() -> Image.Image:
    """Smooth, so that JPEG keeps it; no two of its sides, corners or channels alike."""
    y, x = np.mgrid[0:24, 0:40]
    return Image.fromarray(np.stack([x * 6, y * 10, 200 - x * 2 - y], axis=2).astype(np.uint8))


def _truncated(path: Path, picture: Image.Image) -> None:
    picture.save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:-150])


def _announcing(path: Path, side: int) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(header) + _chunk(b"IDAT"))


def _chunk(content: bytes) -> bytes:
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path, _: None, "^missing file$"),
        (lambda path, _: path.write_bytes(b""), "^empty file$"),
        (lambda path, _: path.write_text("age,gender\n"), "^not an image$"),
        (_truncated, "^damaged: .*truncated"),
        (lambda path, _: Image.new("RGB", (1, 1)).save(path, "PNG"), "^too small: 1x1, a side must be at least 4$"),
        (lambda path, _: Image.new("RGB", (3, 90)).save(path, "PNG"), "^too small: 3x90"),
        (lambda path, _: Image.new("L", (101, 100)).save(path, "PNG"), "^too large: 101x100, at most 10000 pixels$"),
        (lambda path, _: _announcing(path, 60_000), "^too large: more than 10000 pixels$"),
        (lambda path, _: _announcing(path, 12_000), "^too large: 12000x12000"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, picture: Image.Image, write: Callable, reason: str):
    path = tmp_path / "x.jpg"
    write(path, picture)
    with pytest.raises(UnreadableImageError, match=reason):
        _decode(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tiff", "webp"])
def test_a_file_cut_anywhere_is_read_or_refused_and_never_fails_otherwise(
    tmp_path: Path, picture: Image.Image, suffix: str
):
    path = tmp_path / f"x.{suffix}"
    picture.save(path)
    content, refused = path.read_bytes(), 0
    for length in range(0, len(content), max(1, len(content) // 40)):
        path.write_bytes(content[:length])
        try:
            _decode(path)
        except UnreadableImageError:
            refused += 1
    assert refused > 20


def test_bounds_of_the_size_are_inclusive(tmp_path: Path):
    Image.new("RGB", (4, 2500)).save(tmp_path / "x.png")
    assert _decode(tmp_path / "x.png").shape == (2500, 4, 3)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "L", "LA", "P", "1"])
def test_every_mode_is_read_as_what_it_shows(tmp_path: Path, picture: Image.Image, mode: str):
    converted = picture.convert(mode)
    converted.save(tmp_path / "x.tiff")
    shown = converted.convert("L").convert("RGB") if mode == "LA" else converted.convert("RGB")
    assert np.array_equal(_decode(tmp_path / "x.tiff"), np.asarray(shown))
    # "1" is dithered; all others stay near what was saved.
    grey = picture if mode in ("RGB", "RGBA", "CMYK", "P") else picture.convert("L").convert("RGB")
    assert mode == "1" or np.abs(_decode(tmp_path / "x.tiff") - np.asarray(grey).astype(int)).mean() < 20


def test_a_cmyk_jpeg_keeps_its_colours(tmp_path: Path, picture: Image.Image):
    picture.convert("CMYK").save(tmp_path / "x.jpg", quality=98, subsampling=0)
    assert np.abs(_decode(tmp_path / "x.jpg") - np.asarray(picture)).max() < 12


def test_transparency_is_dropped_and_not_blended(tmp_path: Path, picture: Image.Image):
    picture.putalpha(Image.new("L", picture.size, 10))
    picture.save(tmp_path / "x.png")
    assert np.array_equal(_decode(tmp_path / "x.png"), np.asarray(picture)[..., :3])


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bit_grey_is_scaled_to_eight(tmp_path: Path, suffix: str):
    wide = (np.arange(24 * 40).reshape(24, 40) * 68).astype(np.uint16)
    Image.fromarray(wide).save(tmp_path / f"x.{suffix}")
    found = _decode(tmp_path / f"x.{suffix}")
    assert np.abs(found - wide[..., None] / 257).max() <= 1
    assert np.ptp(found) > 240


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda seen: seen),
        (3, lambda seen: np.rot90(seen, 2)),
        (6, lambda seen: np.rot90(seen, -1)),
        (8, lambda seen: np.rot90(seen)),
    ],
)
def test_an_exif_orientation_is_applied(tmp_path: Path, picture: Image.Image, orientation: int, upright: Callable):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "x.png", exif=exif)
    assert np.array_equal(_decode(tmp_path / "x.png"), upright(np.asarray(picture)))


def test_the_hash_names_the_pixels_and_not_the_file(tmp_path: Path, picture: Image.Image):
    for suffix in ("png", "bmp", "tiff"):
        picture.save(tmp_path / f"x.{suffix}")
    found = {content_hash(decode(path, min_side=1, max_pixels=10_000)) for path in tmp_path.iterdir()}
    assert found == {content_hash(picture)}
    changed = np.asarray(picture).copy()
    changed[0, 0, 0] += 1
    assert content_hash(Image.fromarray(changed)) not in found


def test_the_hash_tells_shapes_of_the_same_bytes_apart():
    assert content_hash(Image.new("RGB", (4, 9))) != content_hash(Image.new("RGB", (9, 4)))


def test_fit_takes_the_central_square():
    wide = np.zeros((10, 30, 3), dtype=np.uint8)
    wide[:, 10:20] = 255
    assert np.array_equal(fit(Image.fromarray(wide), 10), np.full((10, 10, 3), 255))
    assert fit(Image.fromarray(wide), 7).shape == (7, 7, 3)
