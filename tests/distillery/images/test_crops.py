from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from distillery.errors import DistilleryError
from distillery.images.crops import COARSE, FINE, cut_out, find_crops, lay_over, windows
from distillery.images.shards import write_shard
from distillery.images.store import ImageStore
from tests.distillery.images.conftest import names

SIZE, COUNT = 64, 60
CROPPED, WHERE = 50, 7  # which picture is a crop of which


@pytest.fixture
def faces() -> np.ndarray:
    """Pictures that have most in common, as aligned faces do, and details: uint8 [60, size, size, 3]."""
    draw = torch.Generator().manual_seed(0)
    grown = [
        F.interpolate(torch.rand(count, 3, side, side, generator=draw), (SIZE, SIZE), mode="bicubic").clamp(0, 1)
        for count, side in ((1, 4), (COUNT, 6), (COUNT, 20))
    ]
    mixed = 0.5 * grown[0] + 0.3 * grown[1] + 0.2 * grown[2]
    return (255 * mixed).byte().permute(0, 2, 3, 1).contiguous().numpy()


def _crop(image: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """Cut out, darker, saved as JPEG."""
    darker = Image.fromarray((0.8 * image).astype(np.uint8)).crop((left, top, left + side, top + side))
    file = BytesIO()
    darker.resize((SIZE, SIZE)).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


CUTS = {
    "a tenth, evenly": (3, 3, 58),
    "a tenth, of one corner": (0, 6, 58),
    "a fifth": (10, 4, 51),
    "a little": (1, 2, 61),
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("learnt", [False, True])
def test_a_crop_is_found_whichever_of_the_two_is_learnt_from_and_no_other(faces, stored, cut: str, learnt: bool):
    images = faces.copy()
    images[CROPPED] = _crop(images[WHERE], *CUTS[cut])
    sides = [names(range(40)), names(range(40, COUNT))]
    found = find_crops(stored(images), *(sides[::-1] if learnt else sides))
    pair = (f"i{WHERE:03d}", f"i{CROPPED:03d}")
    assert found.select("image", "twin", "mirrored").rows() == [(*(pair[::-1] if learnt else pair), False)]
    assert 0.9 < found["similarity"][0] <= 1


def test_strangers_that_share_all_but_details_are_none(faces, stored):
    images = faces.copy()
    lit = np.broadcast_to(np.linspace(0, 255, SIZE)[:, None], (SIZE, SIZE, 3))  # from the right
    images[[3, 45]] = (0.8 * lit + 0.2 * images[[3, 45]]).astype(np.uint8)
    assert np.corrcoef(images[3].mean(axis=2).ravel(), images[45].mean(axis=2).ravel())[0, 1] > 0.98
    images[4], images[46] = 37, 200  # nothing to see
    assert find_crops(stored(images), names(range(40)), names(range(40, COUNT))).is_empty()


def test_no_images_have_no_crops(faces, stored):
    store = stored(faces)
    assert find_crops(store, names(range(0)), names(range(40))).is_empty()
    assert find_crops(store, names(range(40)), names(range(0))).is_empty()


def test_the_window_is_found_where_it_was_cut(faces):
    whole = torch.from_numpy(faces[:8]).float().mean(dim=3)
    true = torch.tensor([[0.85, 0.05, -0.04]]).repeat(8, 1)
    start = torch.tensor([[0.8, 0.1, 0.0]]).repeat(8, 1)
    placed, alike, details = lay_over(whole, cut_out(whole, true), start, (*COARSE, *COARSE, *FINE))
    assert (placed - true).abs().max() < 0.011
    assert alike.min() > 0.99 and details.min() > 0.95


def test_the_whole_picture_is_a_window_of_itself(faces):
    whole = torch.from_numpy(faces[:3]).float().mean(dim=3)
    assert torch.allclose(cut_out(whole, windows()[[0, 0, 0]]), whole, atol=1e-3)
    assert len(windows().unique(dim=0)) == 19
    assert (windows()[:, 0] / 2 + windows()[:, 1:].abs().amax(dim=1)).max() <= 0.5, "none reaches beyond the picture"


def test_pictures_that_are_too_small_to_have_details_are_refused(tmp_path: Path):
    write_shard(tmp_path / "0.arrow", [("a", np.zeros((28, 28, 3), np.uint8))], size=28, quality=None, fingerprint="")
    with pytest.raises(DistilleryError, match=r"28 pixels a side .* allowed from images.size 32 on, or crops: false"):
        find_crops(ImageStore(tmp_path), pl.Series(["a"]), pl.Series(["a"]))


def test_a_picture_that_is_changed_but_not_cut_is_found_too(faces, stored):
    images = faces.copy()
    noise = np.random.default_rng(0).normal(0, 8, images[:20].shape)
    images[40:] = np.clip(images[:20] + noise, 0, 255).astype(np.uint8)
    found = find_crops(stored(images), names(range(40)), names(range(40, COUNT)))
    assert found.select("image", "twin").rows() == [(f"i{number:03d}", f"i{number + 40:03d}") for number in range(20)]


def test_frames_of_one_scene_are_compared_until_each_has_a_twin(faces, stored, monkeypatch):
    images = faces.copy()
    images[:40] = faces[0]
    images[40:] = faces[0]
    compared: list[int] = []

    def counted(whole: torch.Tensor, *rest):
        compared.append(len(whole))
        return lay_over(whole, *rest)

    monkeypatch.setattr("distillery.images.crops.PAIRS", 40)
    monkeypatch.setattr("distillery.images.crops.lay_over", counted)
    done: list[int] = []
    found = find_crops(stored(images), names(range(40)), names(range(40, COUNT)), progress=done.append)
    assert len(found) == 40 and done == [40]
    assert sum(compared) == 2 * 40, "of 800 pairs; each coarsely and finely"
