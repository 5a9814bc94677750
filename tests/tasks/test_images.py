from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distillery.errors import DistilleryError
from distillery.images.store import ImageStore
from distillery.params import Params
from distillery.tables import read_table
from tasks import images


def test_every_usable_image_is_stored_once_at_training_size(world: Path, params: Params):
    store = ImageStore(world / "data/images/images.arrow")
    table = read_table(world / "data/manifest.parquet")
    first = table.row(0, named=True)
    pixels = store.gather(store.positions([first["image"]]))[0].numpy()
    assert pixels.shape == (params.images.size, params.images.size, 3)
    assert np.array_equal(pixels, np.asarray(Image.open(world / first["path"])))


def test_again_gives_the_same_bytes(world: Path, params: Params):
    before = Path("data/images/images.arrow").read_bytes()
    images.main(params)
    assert Path("data/images/images.arrow").read_bytes() == before


def test_an_image_lost_since_the_manifest_is_named_and_the_store_stays(world: Path, params: Params):
    before = Path("data/images/images.arrow").read_bytes()
    lost = Path(read_table(Path("data/manifest.parquet"))["path"][5])
    lost.unlink()
    with pytest.raises(DistilleryError, match=f"{lost}: missing file"):
        images.main(params)
    assert Path("data/images/images.arrow").read_bytes() == before
