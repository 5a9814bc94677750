import json
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.networks.safetensors import load_tensors, save_tensors
from tests.world import ROOT


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(3, 4, generator=generator)
    dtypes = (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.uint8,
        torch.bool,
    )
    found = {f"x.{dtype}": (drawn * 9).abs().to(dtype) for dtype in dtypes}
    return {
        **found,
        "scalar": torch.tensor(7.5),
        "empty": torch.zeros(0, 3),
        "turned": drawn.t(),
        "one byte": torch.tensor([True]),
    }


def _assert_same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert set(found) == set(wanted)
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].shape == tensor.shape
        assert torch.equal(found[name], tensor)


def test_our_files_are_read_by_the_reference_and_by_us(tmp_path: Path, tensors: dict[str, Tensor]):
    path = save_tensors(tensors, tmp_path / "x.safetensors")
    _assert_same(safetensors.torch.load_file(path), tensors)
    _assert_same(load_tensors(path), tensors)


def test_files_of_the_reference_are_read_by_us(tmp_path: Path, tensors: dict[str, Tensor]):
    path = tmp_path / "x.safetensors"
    safetensors.torch.save_file({k: v.contiguous() for k, v in tensors.items()}, path, metadata={"by": "another"})
    _assert_same(load_tensors(path), tensors)


def test_bytes_depend_on_the_tensors_and_not_on_their_order_or_layout(tmp_path: Path):
    image = torch.rand(2, 3, 4, 4)
    one = save_tensors({"a": image, "b": torch.ones(2)}, tmp_path / "one")
    other = save_tensors(
        {"b": torch.ones(2), "a": image.contiguous(memory_format=torch.channels_last)}, tmp_path / "two"
    )
    assert one.read_bytes() == other.read_bytes()


def test_what_is_read_may_be_changed_and_is_not_the_file(tmp_path: Path):
    path = save_tensors({"a": torch.ones(2)}, tmp_path / "x")
    load_tensors(path)["a"] += 1
    assert load_tensors(path)["a"].tolist() == [1, 1]


def _file(header: object, data: bytes = b"") -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + data


def _entry(**changed: object) -> dict:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changed}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        b"\xff" * 64,
        (10**9).to_bytes(8, "little") + b"{}",
        _file(b"not json"),
        _file(b"\xff\xfe"),
        _file([1, 2]),
        _file({"a": 3}),
        _file({"a": {}}),
        _file(_entry(), b"1234567"),
        _file(_entry(dtype="F8"), b"12345678"),
        _file(_entry(shape=[3]), b"12345678"),
        _file(_entry(shape=[-1, -2]), b"12345678"),
        _file(_entry(shape="2"), b"12345678"),
        _file(_entry(shape=[0, 10**30], data_offsets=[0, 0]), b"12345678"),
        _file(_entry(data_offsets=[-8, 0]), b"12345678"),
        _file(_entry(data_offsets=[8, 16]), b"12345678"),
        _file(_entry(data_offsets=[0]), b"12345678"),
        _file(_entry(data_offsets=["0", "8"]), b"12345678"),
        _file(_entry(data_offsets=[False, 8]), b"12345678"),
        _file(_entry(shape=[2.0]), b"12345678"),
        _file(_entry(shape=[True, 2]), b"12345678"),
        _file(_entry(shape=[2**63, 2]), b"12345678"),
        _file(_entry(shape=[2**62, 2**62, 0], data_offsets=[0, 0])),
        _file(_entry(shape=[1] * 17 + [2]), b"12345678"),
        _file(_entry(dtype=["F32"]), b"12345678"),
        _file(_entry(), b"12345678 and more"),
        _file({**_entry(), "b": _entry()["a"]}, b"12345678"),
        _file({**_entry(), "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, b"123456789012"),
        _file({**_entry(), "b": {"dtype": "F32", "shape": [1], "data_offsets": [12, 16]}}, b"1234567890123456"),
        _file(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": {}}', b"1234"),
        _file(b'{"a": {"dtype": "F32", "shape": [1], "shape": [1], "data_offsets": [0, 4]}}', b"1234"),
        _file(b"[" * 100_000),
        _file(b'{"a":' * 100_000),
        _file(b'{"a": {"dtype": "F32", "shape": [1' + b"0" * 5000 + b'], "data_offsets": [0, 4]}}', b"1234"),
        _file(b'{"a": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 4]}}', b"1234"),
        _file(json.dumps(_entry()).encode("utf-16"), b"12345678"),
        _file({**_entry(), "__metadata__": "crc32"}, b"12345678"),
        _file({**_entry(), "__metadata__": {"crc32": "00000000"}}, b"12345678"),
        (1 << 63).to_bytes(8, "little") + b"{}",
    ],
)
def test_what_is_not_safetensors_is_named_and_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(DistilleryError, match=r"x\.safetensors: not a readable safetensors file"):
        load_tensors(path)


def test_a_file_is_held_once_in_memory(tmp_path: Path):
    path = save_tensors({name: torch.zeros(1 << 23) for name in "abcd"}, tmp_path / "x")
    script = (
        "import resource, sys; from pathlib import Path; from distillery.networks.safetensors import load_tensors\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak(); load_tensors(Path(sys.argv[1])); print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, check=True, capture_output=True)
    assert int(done.stdout) < 1.3 * path.stat().st_size


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(DistilleryError, match="gone: not a readable safetensors file"):
        load_tensors(tmp_path / "gone")


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, tensors: dict[str, Tensor]):
    path = save_tensors(tensors, tmp_path / "x")
    content = path.read_bytes()
    for length in range(0, len(content), 37):
        path.write_bytes(content[:length])
        with pytest.raises(DistilleryError):
            load_tensors(path)
