from io import BytesIO

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from distillery.images import twins
from distillery.images.twins import find_twins
from tests.distillery.images.conftest import names

SIZE, COUNT = 32, 60


@pytest.fixture
def faces() -> np.ndarray:
    """Smooth pictures that have most in common, as aligned faces do: uint8 [60, size, size, 3]."""
    draw = torch.Generator().manual_seed(0)
    common = torch.rand(1, 3, 4, 4, generator=draw)
    own = torch.rand(COUNT, 3, 8, 8, generator=draw)
    grown = [F.interpolate(part, (SIZE, SIZE), mode="bicubic").clamp(0, 1) for part in (common, own)]
    return (255 * (0.5 * grown[0] + 0.5 * grown[1])).byte().permute(0, 2, 3, 1).contiguous().numpy()


def _saved_again(image: np.ndarray) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(image).resize((24, 24)).save(file, "JPEG", quality=40)
    return np.asarray(Image.open(file).resize((SIZE, SIZE)))


def _marked(image: np.ndarray) -> np.ndarray:
    marked = image.copy()
    marked[:3, :3] = 200
    return marked


CHANGES = {
    "saved again, smaller": _saved_again,
    "brighter": lambda image: np.clip(image.astype(int) * 1.2 + 10, 0, 255).astype(np.uint8),
    "grey": lambda image: image.mean(axis=2, keepdims=True).repeat(3, axis=2).astype(np.uint8),
    "with a mark on it": _marked,
}


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_a_picture_in_other_bytes_is_found_and_no_other(faces, stored, change: str, mirrored: bool):
    images = faces.copy()
    images[50] = CHANGES[change](images[7][:, ::-1] if mirrored else images[7])
    found = find_twins(stored(images), names(range(40)), names(range(40, COUNT)), similarity=0.9)
    assert found.select("image", "twin", "mirrored").rows() == [("i007", "i050", mirrored)]
    assert 0.9 <= found["similarity"][0] <= 1


def test_pictures_of_one_grey_are_nobodys_twins(stored):
    greys = np.broadcast_to(np.arange(COUNT, dtype=np.uint8)[:, None, None, None], (COUNT, SIZE, SIZE, 3))
    assert find_twins(stored(greys), names(range(40)), names(range(40, COUNT)), similarity=0.9).is_empty()


@pytest.mark.parametrize("sizes", [{}, {"ROWS": 7, "COLUMNS": 3, "PAIRS": 2, "READ": 4}], ids=["at once", "in parts"])
def test_it_finds_what_comparing_all_pictures_with_all_others_finds(faces, stored, monkeypatch, sizes: dict[str, int]):
    for name, size in sizes.items():
        monkeypatch.setattr(twins, name, size)
    images = faces.copy()
    for number in range(40, 55):  # from hardly changed to hardly alike
        share = (number - 40) / 15
        images[number] = ((1 - share) * faces[number - 40] + share * faces[number]).astype(np.uint8)
    store = stored(images)
    found = find_twins(store, names(range(40)), names(range(40, COUNT)), similarity=0.85)
    luma = images @ np.array([0.299, 0.587, 0.114])
    wanted = {}
    for one in range(40):
        for other in range(40, COUNT):
            alike = [
                np.corrcoef(luma[one].ravel(), turned.ravel())[0, 1] for turned in (luma[other], luma[other][:, ::-1])
            ]
            if max(alike) >= 0.85:
                wanted.setdefault(f"i{one:03d}", {})[f"i{other:03d}"] = max(alike)
    assert len(wanted) > 5
    best = {image: max(alike.items(), key=lambda item: item[1]) for image, alike in wanted.items()}
    assert {image: (twin, pytest.approx(value, abs=1e-3)) for image, twin, value, _ in found.rows()} == best


def test_nothing_to_compare_finds_nothing(faces, stored):
    store = stored(faces)
    for images, others in ((range(0), range(40)), (range(40), range(0)), (range(0), range(0))):
        assert find_twins(store, names(images), names(others), similarity=0.9).is_empty()


def test_a_picture_of_one_colour_is_nobodys_twin(faces, stored):
    images = faces.copy()
    images[3], images[50] = 128, 127
    assert find_twins(stored(images), names(range(40)), names(range(40, COUNT)), similarity=0.9).is_empty()
