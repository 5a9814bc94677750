"""Tensors in a safetensors file: read and written here, so that the library needs nothing beside torch.

Format: eight bytes little-endian, the length of a JSON header; the header, with dtype, shape and byte range of each
tensor; the bytes (specification: huggingface/safetensors, README, "Format"). Our bytes depend on the tensors alone. The
header's free metadata holds a checksum of the bytes, so that a flipped bit is noticed; files without one are read too.
"""

import json
import math
import os
import zlib
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path

import torch
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.files import whole_file

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_HEADER = 10_000_000  # bytes; torchvision's largest network needs a hundredth
MAX_RANK = 16
MAX_REASON = 300  # characters of a message that a damaged file had a hand in
CHECKSUM = "crc32"


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> Path:
    """Write tensors by name, whole or not at all."""
    header: dict[str, dict] = {}
    end = 0
    contiguous = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    for name, tensor in contiguous.items():
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    header["__metadata__"] = {CHECKSUM: _sum(contiguous)}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little"))
        file.write(encoded)
        for tensor in contiguous.values():
            file.write(_bytes(tensor))
    return path


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors; each byte of the file is held once.

    Raises:
        DistilleryError: the file is missing, truncated or not safetensors.
    """
    try:
        with path.open("rb") as file:
            header = _header(file, size := os.fstat(file.fileno()).st_size)
            wanted = _checksum(header.pop("__metadata__", {}))
            # In the order of their bytes, which are read once, from the first to the last.
            found = {name: _tensor(file, header[name]) for name in _in_order(header, size - file.tell())}
        if wanted not in (None, _sum(found)):
            raise ValueError("its checksum differs")
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RuntimeError, RecursionError) as error:
        raise DistilleryError(f"{path}: not a readable safetensors file ({str(error)[:MAX_REASON]})") from error
    return found


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def _sum(tensors: Mapping[str, Tensor]) -> str:
    checksum = 0
    for tensor in tensors.values():
        checksum = zlib.crc32(_bytes(tensor), checksum)
    return f"{checksum:08x}"


def _header(file: BufferedReader, size: int) -> dict:
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(MAX_HEADER, size - 8):
        raise ValueError("the header is longer than the file")
    header = json.loads(file.read(length).decode(), object_pairs_hook=_once, parse_constant=_refuse)
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    return header


def _checksum(notes: object) -> str | None:
    if not isinstance(notes, dict):
        raise ValueError("its metadata are no object")
    return notes.get(CHECKSUM)


def _in_order(header: Mapping[str, dict], size: int) -> list[str]:
    """The names in the order of their bytes, of which none may be left over or belong to two."""
    ranges = sorted((*_range(entry), name) for name, entry in header.items())
    end = 0
    for begin, after, name in ranges:
        if begin != end:
            raise ValueError(f"{name} begins at byte {begin}, the one before ends at {end}")
        end = after
    if end != size:
        raise ValueError(f"its tensors end at byte {end} of {size}")
    return [name for _, _, name in ranges]


def _range(entry: dict) -> tuple[int, int]:
    """Where a tensor's bytes lie, after checking that they are as many as its shape wants."""
    shape, (begin, end) = entry["shape"], entry["data_offsets"]
    if not isinstance(shape, list) or len(shape) > MAX_RANK:
        raise ValueError(f"shape {shape!r} is no list of at most {MAX_RANK} sides")
    if not all(type(number) is int and 0 <= number < 2**63 for number in [*shape, begin, end]):
        raise ValueError(f"shape {shape} or bytes {begin} to {end} are no whole numbers from 0 on")
    if end - begin != math.prod(shape) * DTYPES[entry["dtype"]].itemsize:
        raise ValueError(f"bytes {begin} to {end} do not hold {entry['dtype']} {shape}")
    return begin, end


def _tensor(file: BufferedReader, entry: dict) -> Tensor:
    dtype, shape = DTYPES[entry["dtype"]], entry["shape"]
    content = torch.empty(math.prod(shape) * dtype.itemsize, dtype=torch.uint8)
    if file.readinto(_bytes(content)) != len(content):
        raise ValueError("the file ends early")
    return content.view(dtype).reshape(shape)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
