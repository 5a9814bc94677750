"""One shard of the image store: an Arrow file of images as pixels or as JPEG, each with a checksum."""

import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from distillery.errors import DistilleryError
from distillery.files import whole_file

SUFFIX = ".arrow"
BLOCK = 1024  # images written, and held in memory, at a time
FINGERPRINT = b"fingerprint"
SIZE = b"size"
STORAGE = b"storage"


def shard_schema(size: int, quality: int | None, fingerprint: str = "") -> pa.Schema:
    """``image`` (content hash), ``content`` (pixels or JPEG bytes), ``checksum`` (CRC-32 of the content)."""
    content = pa.binary(size * size * 3) if quality is None else pa.large_binary()
    notes = {SIZE: str(size), STORAGE: "pixels" if quality is None else "jpeg", FINGERPRINT: fingerprint}
    fields = [("image", pa.string()), ("content", content), ("checksum", pa.uint32())]
    return pa.schema(fields, metadata=notes)


def write_shard(
    path: Path, images: Iterable[tuple[str, np.ndarray]], *, size: int, quality: int | None, fingerprint: str
) -> Path:
    """Write (content hash, uint8 [size, size, 3]) pairs, whole or not at all; memory stays at one block.

    Args:
        quality: of the JPEG encoding; None stores the pixels themselves.
        fingerprint: says what the shard was made of; see ``is_finished``.
    """
    schema = shard_schema(size, quality, fingerprint)
    with whole_file(path) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as file:
        for names, contents in _blocks(images, quality):
            sums = np.array([zlib.crc32(content) for content in contents], dtype=np.uint32)
            columns = [pa.array(names), pa.array(contents, type=schema.field("content").type), pa.array(sums)]
            file.write_batch(pa.record_batch(columns, schema=schema))
    return path


def is_finished(path: Path, fingerprint: str) -> bool:
    """Whether a shard is there, made of what ``fingerprint`` says, and every image of it intact."""
    if not path.is_file():
        return False
    try:
        _, blocks = open_shard(path)
    except DistilleryError:
        return False
    made_of = (blocks[0].schema.metadata or {}).get(FINGERPRINT) if blocks else None
    return made_of == fingerprint.encode() and all(
        is_intact(block, row) for block in blocks for row in range(block.num_rows)
    )


def open_shard(path: Path) -> tuple[int, list[pa.RecordBatch]]:
    """The side of the images and the blocks, memory-mapped: nothing is read but names and offsets.

    Raises:
        DistilleryError: the file is missing, damaged or not ours.
    """
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        notes = reader.schema.metadata or {}
        size = int(notes[SIZE])
        wanted = shard_schema(size, None if notes[STORAGE] == b"pixels" else 1)
        if not reader.schema.equals(wanted):
            raise ValueError(f"its columns are {reader.schema.names}")
        blocks = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        for block in blocks:
            block.validate(full=True)
    except pa.ArrowMemoryError:
        raise
    except (OSError, pa.ArrowException, KeyError, ValueError, OverflowError) as error:
        raise DistilleryError(f"{path}: not a shard of images ({error}); run the stage 'images' again") from error
    return size, blocks


def view_pixels(block: pa.RecordBatch, size: int) -> np.ndarray | None:
    """A block's images without a copy: uint8 [images, size, size, 3]; None where they are stored as JPEG."""
    if block.schema.field(1).type == pa.large_binary():
        return None
    column = block.column(1)
    pixels = np.frombuffer(column.buffers()[1], dtype=np.uint8, count=block.num_rows * size * size * 3)
    return pixels.reshape(block.num_rows, size, size, 3)


def decode_jpeg(block: pa.RecordBatch, row: int, size: int) -> np.ndarray:
    """One image: uint8 [size, size, 3].

    Raises:
        ValueError: its bytes are no image of that size.
    """
    try:
        with Image.open(BytesIO(block.column(1)[row].as_buffer()), formats=["JPEG"]) as image:
            return np.asarray(image).reshape(size, size, 3)
    except (OSError, SyntaxError) as error:
        raise ValueError(str(error)) from error


def is_intact(block: pa.RecordBatch, row: int) -> bool:
    """Whether an image's bytes are those that were written."""
    return zlib.crc32(block.column(1)[row].as_buffer()) == block.column(2)[row].as_py()


def _blocks(images: Iterable[tuple[str, np.ndarray]], quality: int | None) -> Iterator[tuple[list[str], list[bytes]]]:
    waiting = iter(images)
    while block := list(islice(waiting, BLOCK)):
        yield [name for name, _ in block], [_encode(pixels, quality) for _, pixels in block]


def _encode(pixels: np.ndarray, quality: int | None) -> bytes:
    if quality is None:
        return pixels.tobytes()
    buffer = BytesIO()
    # Faces are small: halving the colour's resolution would cost more than it saves.
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()
