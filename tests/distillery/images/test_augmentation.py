from dataclasses import replace

import pytest
import torch
from torch import Tensor

from distillery.images.augmentation import Strengths, augment
from tests.distillery.conftest import OFF

FULL = Strengths(
    flip=0.5, rotation=20, scale=(0.7, 1.2), shift=0.1, brightness=0.3, contrast=0.3, saturation=0.3, grey=0.2,
    blur=0.5, noise=0.1, erase=0.5,
)  # fmt: skip


@pytest.fixture
def images() -> Tensor:
    return torch.rand(24, 3, 10, 10, generator=torch.Generator().manual_seed(0))


def _augment(images: Tensor, strengths: Strengths, seed: int = 1) -> tuple[Tensor, Tensor]:
    return augment(images, strengths, torch.Generator().manual_seed(seed))


def test_the_same_generator_gives_the_same_images_and_another_does_not(images: Tensor):
    first, again, other = _augment(images, FULL), _augment(images, FULL), _augment(images, FULL, seed=2)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_without_strength_nothing_changes(images: Tensor):
    found, flipped = _augment(images, OFF)
    assert torch.allclose(found, images, atol=1e-5)
    assert not flipped.any()


def test_the_returned_flags_say_which_were_flipped(images: Tensor):
    found, flipped = _augment(images, replace(OFF, flip=0.5))
    assert 4 < flipped.sum() < 20
    assert torch.allclose(found, torch.where(flipped[:, None, None, None], images.flip(3), images), atol=1e-5)


@pytest.mark.parametrize("name", ["rotation", "shift", "brightness", "contrast", "saturation", "blur", "noise"])
def test_each_image_draws_its_own_strength(images: Tensor, name: str):
    same = images[:1].expand_as(images)
    found, _ = _augment(same, replace(OFF, **{name: 0.5}))
    assert found.flatten(1).unique(dim=0).shape[0] == len(images)


def test_everything_stays_between_zero_and_one(images: Tensor):
    found, _ = _augment(images, replace(FULL, brightness=1, contrast=1, noise=1))
    assert found.min() >= 0
    assert found.max() <= 1


def test_grey_takes_the_colour_of_its_share(images: Tensor):
    found, _ = _augment(images, replace(OFF, grey=0.5))
    colourless = (found - found.mean(dim=1, keepdim=True)).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert 4 < colourless.sum() < 20


def test_erase_hits_its_share_of_the_images(images: Tensor):
    found, _ = _augment(images, replace(OFF, erase=0.5))
    erased = ((found - images).abs() > 1e-4).flatten(1).any(dim=1)
    assert 4 < erased.sum() < 20
    assert _augment(images, replace(OFF, erase=1.0))[0].ne(images).flatten(1).any(dim=1).sum() >= 20
