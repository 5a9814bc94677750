from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distillery.errors import DistilleryError
from distillery.images.store import ImageStore
from distillery.params import Params
from distillery.tables import read_table
from tasks import images
from tasks.support.command import read_params
from tests.world import edit_params

STORE = Path("data/images")


def _contents(folder: Path = STORE) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _use_small_shards(world: Path) -> Params:
    edit_params(world, lambda params: params["images"].update(shard=40))
    return read_params()


def test_every_usable_image_is_stored_once_at_training_size(world: Path, params: Params):
    store = ImageStore(STORE)
    table = read_table(Path("data/manifest.parquet"))
    first = table.row(0, named=True)
    pixels = store.gather(store.positions([first["image"]]))[0].numpy()
    assert pixels.shape == (params.images.size, params.images.size, 3)
    assert np.array_equal(pixels, np.asarray(Image.open(first["path"])))
    assert len(store) == table.filter(table["status"] == "ok")["image"].n_unique()


def test_again_gives_the_same_bytes(world: Path, params: Params):
    before = _contents()
    images.main(params)
    assert _contents() == before


def test_as_jpeg_they_are_smaller_and_nearly_the_same(world: Path):
    plain = ImageStore(STORE)
    names = read_table(Path("data/manifest.parquet"))["image"][:20]
    before = plain.gather(plain.positions(names)).float()
    weight = sum(len(content) for content in _contents().values())
    edit_params(world, lambda params: params["images"].update(quality=92))
    images.main(read_params())
    encoded = ImageStore(STORE)
    assert sum(len(content) for content in _contents().values()) < weight / 2
    assert (encoded.gather(encoded.positions(names)).float() - before).abs().mean() < 4


def test_an_image_lost_since_the_manifest_is_named_and_the_store_stays(world: Path, params: Params):
    before = _contents()
    lost = Path(read_table(Path("data/manifest.parquet"))["path"][5])
    lost.unlink()
    with pytest.raises(DistilleryError, match=f"{lost}: missing file"):
        images.main(params)
    assert _contents() == before


def test_stopped_it_keeps_its_finished_shards(world: Path):
    params = _use_small_shards(world)
    images.main(params)
    whole = _contents()
    lost = Path(read_table(Path("data/manifest.parquet"))["path"][60])
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(DistilleryError):
        images.main(params)
    kept = {path: path.stat().st_mtime_ns for path in Path(".checkpoints/images").glob("*.arrow")}
    assert [path.name for path in kept] == ["00000.arrow"]
    lost.write_bytes(content)
    images.main(params)
    assert _contents() == whole
    assert [(STORE / path.name).stat().st_mtime_ns for path in kept] == list(kept.values())


def test_shards_of_another_size_are_made_again(world: Path):
    params = _use_small_shards(world)
    images.main(params)
    Path(".checkpoints").mkdir(exist_ok=True)
    STORE.rename(".checkpoints/images")
    edit_params(world, lambda found: found["images"].update(size=24))
    images.main(read_params())
    assert ImageStore(STORE).size == 24
