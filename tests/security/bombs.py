"""Small files that ask for much: written to a folder, then decoded one by one with what each took, as JSON lines.

``python -m tests.security.bombs <folder>``, in a process of its own: peak memory never falls.
"""

import json
import resource
import struct
import sys
import time
import zlib
from io import BytesIO
from pathlib import Path

from PIL import Image

from distillery.images.decoding import UnreadableImageError, decode

SIDE = 64
MAX_PIXELS = 50_000_000
PIXELS = b"\0" * (SIDE * SIDE)
TAGS = [(256, 4, 1, SIDE), (257, 4, 1, SIDE), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
STRIPS = [(273, 4, 1, 8), (278, 4, 1, SIDE), (279, 4, 1, SIDE * SIDE)]


def bombs() -> dict[str, bytes]:
    """File names to bytes; the names say what is wrong with them."""
    zeros = zlib.compress(b"\0" * (1 << 28), 9)
    still, jpeg = Image.new("L", (SIDE, SIDE)), _jpeg()
    many = [(1000 + tag, 7, 500_000, 8) for tag in range(60_000)]
    tiled = [(322, 4, 1, 32768), (323, 4, 1, 32768), (324, 4, 1, 200), (325, 4, 1, len(zeros))]
    text = b"\xff\xe1\xff\xffExif\0\0" + b"a" * 65_527
    return {
        "declares-60000.png": _png(b"", 60_000),
        "endless-pixels.png": _png(b"", pixels=zeros),
        "compressed-text.png": _png(_chunk(b"zTXt", b"k\0\0" + zeros)),
        "compressed-profile.png": _png(_chunk(b"iCCP", b"k\0\0" + zeros)),
        "many-texts.png": _png(_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * (1 << 20))) * 3000),
        "overlapping-exif.png": _png(_chunk(b"eXIf", _tiff(many, bytes(500_000)))),
        "declares-4000000000.tiff": _tiff([(256, 4, 1, 4 * 10**9), (257, 4, 1, 4 * 10**9), *TAGS[2:], *STRIPS], PIXELS),
        "overlapping-tags.tiff": _tiff([*TAGS, *STRIPS, *many], bytes(500_000)),
        "huge-tile.tiff": _tiff([*TAGS[:3], (259, 3, 1, 8), *TAGS[4:], *tiled], bytes(200) + zeros),
        "many-samples.tiff": _tiff([*TAGS[:5], (277, 4, 1, 4 * 10**9), *STRIPS], PIXELS),
        "many-frames.gif": _frames("GIF"),
        "many-frames.tiff": _frames("TIFF"),
        "frame-beyond-screen.gif": _gif(b"", 65535),
        "endless-comment.gif": _gif(b"!\xfe" + (b"\xff" + b"a" * 255) * 100_000 + b"\0"),
        "endless-exif.jpg": jpeg[:2] + text * 1000 + jpeg[2:],
        "many-scans.jpg": jpeg[:-2] + jpeg[jpeg.rindex(b"\xff\xda") : -2] * 3000 + b"\xff\xd9",
        "endless-comment.ppm": b"P6 #" + b"c" * 20_000_000 + b"\n64 64 255\n" + PIXELS * 3,
        "endless-number.ppm": b"P6 " + b"9" * 20_000_000,
        "declares-30000.bmp": b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 999, 0, 0, 54, 40, *(30_000,) * 2, 1, 8, *(0,) * 6),
        "program.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n",
        "still.icns": _saved(still.convert("RGBA"), "ICNS"),
    }


def sparse() -> dict[str, tuple[bytes, int]]:
    """Files of mostly nothing: name to first bytes and length."""
    return {
        "huge-tag.tiff": (_tiff([*TAGS, *STRIPS, (5000, 7, 400_000_000, 8)]), 450_000_000),
        "huge-chunk.png": (_png(b"")[:33] + struct.pack(">I", 440_000_000) + b"tEXt", 450_000_000),
        "huge-file.tiff": (_tiff([*TAGS, *STRIPS]), 8 << 30),
    }


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(extra: bytes, side: int = SIDE, pixels: bytes | None = None) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    content = zlib.compress(b"\0" * (SIDE * (SIDE + 1))) if pixels is None else pixels
    return b"\x89PNG\r\n\x1a\n" + header + extra + _chunk(b"IDAT", content) + _chunk(b"IEND", b"")


def _tiff(entries: list[tuple[int, int, int, int]], rest: bytes = b"") -> bytes:
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + rest


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    with BytesIO() as file:
        image.save(file, kind, **options)
        return file.getvalue()


def _frames(kind: str) -> bytes:
    shades = [Image.new("L", (SIDE, SIDE), index % 255) for index in range(1000)]
    return _saved(shades[0], kind, save_all=True, append_images=shades[1:])


def _jpeg() -> bytes:
    return _saved(Image.new("RGB", (4000, 4000)), "JPEG", progressive=True)


def _gif(extra: bytes, side: int = SIDE) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", SIDE, SIDE, 0x80, 0, 0) + bytes(6)
    return screen + extra + b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x01\0\0;"


def _write(folder: Path) -> list[Path]:
    for name, content in bombs().items():
        (folder / name).write_bytes(content)
    for name, (start, length) in sparse().items():
        with (folder / name).open("wb") as file:
            file.write(start)
            file.truncate(length)
    return sorted(folder.iterdir())


def _measure(path: Path) -> dict[str, object]:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        answer = f"read {decode(path, min_side=16, max_pixels=MAX_PIXELS).size}"
    except UnreadableImageError as error:
        answer = str(error)
    taken = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"name": path.name, "answer": answer, "seconds": taken, "megabytes": grown}


if __name__ == "__main__":
    if sys.argv[2:] == ["write"]:
        _write(Path(sys.argv[1]))
    else:
        for found in map(_measure, sorted(Path(sys.argv[1]).iterdir())):
            print(json.dumps(found), flush=True)
