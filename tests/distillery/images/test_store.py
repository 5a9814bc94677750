from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from distillery.errors import DistilleryError
from distillery.images.shards import BLOCK, is_finished, write_shard
from distillery.images.store import ImageStore


def _write(folder: Path, count: int, size: int, *, quality: int | None = None, number: int = 0) -> np.ndarray:
    # Smooth, as JPEG likes them.
    shades = np.random.default_rng(number).integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    images = np.broadcast_to(shades, (count, size, size, 3)).copy()
    images[:, : size // 2] //= 2
    named = ((f"i{number}-{index}", image) for index, image in enumerate(images))
    write_shard(folder / f"{number:05d}.arrow", named, size=size, quality=quality, fingerprint=f"f{number}")
    return images


@pytest.mark.parametrize(("counts", "size"), [([0], 4), ([3], 5), ([BLOCK], 4), ([2 * BLOCK + 7, 5, BLOCK + 1], 6)])
def test_images_come_back_as_they_were_written(tmp_path: Path, counts: list[int], size: int):
    images = np.concatenate([_write(tmp_path, count, size, number=number) for number, count in enumerate(counts)])
    names = [f"i{number}-{index}" for number, count in enumerate(counts) for index in range(count)]
    store = ImageStore(tmp_path)
    order = np.random.default_rng(1).permutation(len(names))
    found = store.gather(store.positions([names[index] for index in order])).numpy()
    assert (store.size, len(store)) == (size, len(names))
    assert found.shape == (len(names), size, size, 3)
    assert np.array_equal(found, images[order])


def test_jpeg_comes_back_nearly_as_it_was_written_and_in_less_room(tmp_path: Path):
    plain, encoded = tmp_path / "plain", tmp_path / "encoded"
    images = _write(plain, 50, 48)
    assert np.array_equal(images, _write(encoded, 50, 48, quality=95))
    store = ImageStore(encoded)
    found = store.gather(np.arange(50)).numpy().astype(int)
    assert np.abs(found - images).mean() < 3
    assert (encoded / "00000.arrow").stat().st_size < (plain / "00000.arrow").stat().st_size / 5


def test_an_image_that_was_written_twice_moves_no_other(tmp_path: Path):
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    named = zip(["a", "a", "b"], images, strict=True)
    write_shard(tmp_path / "x.arrow", named, size=4, quality=None, fingerprint="")
    store = ImageStore(tmp_path)
    assert np.array_equal(store.gather(store.positions(["b", "a"])), images[[2, 0]])


def test_the_content_hash_follows_names_and_pixels(tmp_path: Path):
    for folder, count, number in (("a", 3, 0), ("b", 3, 0), ("c", 4, 0), ("d", 3, 1)):
        _write(tmp_path / folder, count, 4, number=number)
    a, b, c, d = (ImageStore(tmp_path / folder).content_hash() for folder in "abcd")
    assert a == b
    assert len({a, c, d}) == 3


def test_the_content_hash_does_not_see_where_shards_are_cut(tmp_path: Path):
    images = _write(tmp_path / "whole", 7, 4)
    for number, rows in enumerate((range(3), range(3, 7))):
        named = ((f"i0-{index}", images[index]) for index in rows)
        write_shard(tmp_path / f"cut/{number:05d}.arrow", named, size=4, quality=None, fingerprint="")
    assert ImageStore(tmp_path / "cut").content_hash() == ImageStore(tmp_path / "whole").content_hash()


def test_an_unknown_image_is_named(tmp_path: Path):
    _write(tmp_path, 2, 4)
    with pytest.raises(DistilleryError, match="lacks image 'nobody'; run the stage 'images' again"):
        ImageStore(tmp_path).positions(["i0-0", "nobody"])


@pytest.mark.parametrize("quality", [None, 90])
def test_a_flipped_byte_is_noticed_and_the_image_named(tmp_path: Path, quality: int | None):
    _write(tmp_path, 3, 16, quality=quality)
    path = tmp_path / "00000.arrow"
    block = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    content = path.read_bytes()
    where = content.index(block.column(1)[1].as_buffer().to_pybytes()) + 7
    path.write_bytes(content[:where] + bytes([content[where] ^ 1]) + content[where + 1 :])
    store = ImageStore(tmp_path)
    store.gather(np.array([0, 2]))
    with pytest.raises(DistilleryError, match=r"image i0-1 is damaged \(its checksum differs\)"):
        store.gather(np.array([0, 1, 2]))


def test_a_shard_is_finished_if_it_is_whole_intact_and_of_the_same_making(tmp_path: Path):
    _write(tmp_path, 9, 4, number=3)
    path = tmp_path / "00003.arrow"
    content = path.read_bytes()
    assert is_finished(path, "f3")
    assert not is_finished(path, "f4")
    assert not is_finished(tmp_path / "nowhere.arrow", "f3")
    path.write_bytes(content[:-40])
    assert not is_finished(path, "f3")
    pixels = pa.ipc.open_file(pa.py_buffer(content)).get_batch(0).column(1)[8].as_buffer().to_pybytes()
    where = content.index(pixels)
    path.write_bytes(content[:where] + bytes([content[where] ^ 8]) + content[where + 1 :])
    assert not is_finished(path, "f3")


def _write_other_arrow(path: Path) -> None:
    with pa.ipc.new_file(str(path), pa.schema([("x", pa.int8())])):
        pass


def _write_other_columns(path: Path) -> None:
    schema = pa.schema([("x", pa.int8())], metadata={"size": "4", "storage": "pixels"})
    with pa.ipc.new_file(str(path), schema):
        pass


def _write_cut(path: Path) -> None:
    _write(path.parent, 9, 4)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    "write",
    [lambda p: p.write_bytes(b""), lambda p: p.write_text("no"), _write_other_arrow, _write_other_columns, _write_cut],
)
def test_a_file_that_is_no_shard_is_refused(tmp_path: Path, write: object):
    write(tmp_path / "00000.arrow")
    with pytest.raises(DistilleryError, match=r"00000\.arrow: not a shard of images .*run the stage 'images' again"):
        ImageStore(tmp_path)


def test_a_folder_without_shards_and_shards_of_two_sizes_are_refused(tmp_path: Path):
    with pytest.raises(DistilleryError, match="not an image store \\(no shard\\); run the stage 'images' again"):
        ImageStore(tmp_path)
    _write(tmp_path, 1, 4, number=0)
    _write(tmp_path, 1, 5, number=1)
    with pytest.raises(DistilleryError, match=r"not an image store \(sizes \[4, 5\]\)"):
        ImageStore(tmp_path)
