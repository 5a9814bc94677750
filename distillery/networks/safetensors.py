"""Tensors in a safetensors file: read and written here, so that the library needs nothing beside torch.

Format: eight bytes little-endian, the length of a JSON header; the header, with dtype, shape and byte range of each
tensor; the bytes (specification: huggingface/safetensors, README, "Format"). Our bytes depend on the tensors alone. The
header's free metadata holds a checksum of the bytes, so that a flipped bit is noticed; files without one are read too.
"""

import json
import math
import zlib
from collections.abc import Mapping
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
MAX_HEADER = 100_000_000
CHECKSUM = "crc32"


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> Path:
    """Write tensors by name, whole or not at all."""
    header: dict[str, dict] = {}
    end = checksum = 0
    contiguous = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    for name, tensor in contiguous.items():
        begin, end = end, end + tensor.nbytes
        checksum = zlib.crc32(_bytes(tensor), checksum)
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    header["__metadata__"] = {CHECKSUM: f"{checksum:08x}"}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little"))
        file.write(encoded)
        for tensor in contiguous.values():
            file.write(_bytes(tensor))
    return path


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors.

    Raises:
        DistilleryError: the file is missing, truncated or not safetensors.
    """
    try:
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        if len(content) < 8 or length > min(MAX_HEADER, len(content) - 8):
            raise ValueError("the header is longer than the file")
        header = json.loads(content[8 : 8 + length])
        notes = header.pop("__metadata__", {})
        data = memoryview(bytearray(content[8 + length :]))
        if CHECKSUM in notes and notes[CHECKSUM] != f"{zlib.crc32(data):08x}":
            raise ValueError("its checksum differs")
        return {name: _tensor(entry, data) for name, entry in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise DistilleryError(f"{path}: not a readable safetensors file ({error})") from error


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def _tensor(entry: dict, data: memoryview) -> Tensor:
    dtype, shape, (begin, end) = DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    if not 0 <= begin <= end <= len(data) or end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"bytes {begin} to {end} do not hold {entry['dtype']} {shape}")
    if begin == end:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(data[begin:end], dtype=torch.uint8).clone().view(dtype).reshape(shape)
