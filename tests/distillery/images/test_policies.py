import pytest
import torch
from torch import Tensor

from distillery.images.augmentation import augment
from distillery.images.policies import Policy, apply_policy
from tests.distillery.conftest import OFF

TRIVIAL = Policy(kind="trivial_augment")
RANDOM = Policy(kind="rand_augment", operations=2, magnitude=15)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(32, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def _apply(images: Tensor, policy: Policy, seed: int = 0) -> Tensor:
    return apply_policy(images, policy, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("policy", [TRIVIAL, RANDOM])
def test_the_same_generator_draws_the_same_and_torchs_own_sees_nothing_of_it(images: Tensor, policy: Policy):
    before = torch.get_rng_state()
    found = _apply(images, policy)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    assert torch.equal(_apply(images, policy), found)
    assert not torch.equal(_apply(images, policy, seed=1), found)
    assert found.shape == images.shape
    assert found.min() >= 0
    assert found.max() <= 1


def test_every_image_draws_its_own_operation(images: Tensor):
    same = images[:1].expand(32, -1, -1, -1).contiguous()
    found = _apply(same, TRIVIAL)
    assert len({image.numpy().tobytes() for image in found}) > 10


def test_no_strength_changes_little_and_much_strength_much(images: Tensor):
    def moved(magnitude: int) -> float:
        policy = Policy(kind="rand_augment", operations=1, magnitude=magnitude)
        return float((_apply(images, policy) - images).abs().median())

    assert moved(0) < 0.01 < moved(30)


def test_augmentation_applies_it_before_its_own_transforms(images: Tensor):
    strengths = OFF.__class__(**{**vars(OFF), "policy": TRIVIAL})
    found, flipped = augment(images, strengths, torch.Generator().manual_seed(0))
    assert not flipped.any()
    assert torch.allclose(found, _apply(images, TRIVIAL), atol=1e-5)
