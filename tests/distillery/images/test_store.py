from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from distillery.errors import DistilleryError
from distillery.images.store import BLOCK, ImageStore, write_store


def _write(path: Path, count: int, size: int) -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    assert write_store(path, ((f"i{index}", image) for index, image in enumerate(images)), size=size) == count
    return images


@pytest.mark.parametrize(("count", "size"), [(0, 4), (3, 5), (BLOCK, 4), (2 * BLOCK + 7, 5)])
def test_images_come_back_as_they_were_written(tmp_path: Path, count: int, size: int):
    images = _write(tmp_path / "x.arrow", count, size)
    store = ImageStore(tmp_path / "x.arrow")
    order = np.random.default_rng(1).permutation(count)
    found = store.gather(store.positions([f"i{index}" for index in order])).numpy()
    assert store.size == size
    assert found.shape == (count, size, size, 3)
    assert np.array_equal(found, images[order])


def test_an_image_that_was_written_twice_moves_no_other(tmp_path: Path):
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    write_store(tmp_path / "x.arrow", zip(["a", "a", "b"], images, strict=True), size=4)
    store = ImageStore(tmp_path / "x.arrow")
    assert np.array_equal(store.gather(store.positions(["b"]))[0], images[2])


def test_an_unknown_image_is_named(tmp_path: Path):
    _write(tmp_path / "x.arrow", 2, 4)
    with pytest.raises(DistilleryError, match=r"x\.arrow: lacks image 'nobody'; run the stage 'images' again"):
        ImageStore(tmp_path / "x.arrow").positions(["i0", "nobody"])


def _write_other_arrow(path: Path) -> None:
    with pa.ipc.new_file(str(path), pa.schema([("x", pa.int8())])):
        pass


def _write_cut(path: Path) -> None:
    _write(path, 9, 4)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    "write",
    [lambda _: None, lambda p: p.write_bytes(b""), lambda p: p.write_text("no"), _write_other_arrow, _write_cut],
)
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, write: object):
    write(tmp_path / "x.arrow")
    with pytest.raises(DistilleryError, match=r"x\.arrow: not an image store .*run the stage 'images' again"):
        ImageStore(tmp_path / "x.arrow")
