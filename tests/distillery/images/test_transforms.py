import pytest
import torch
from torch import Tensor

from distillery.images import transforms


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def _affine(
    images: Tensor, *, flip: bool = False, degrees: float = 0, scale: float = 1, shift: tuple = (0, 0)
) -> Tensor:
    one = torch.ones(len(images))
    move = torch.tensor([shift], dtype=torch.float32).expand(len(images), 2)
    return transforms.affine(images, flip=one.bool() & flip, degrees=one * degrees, scale=one * scale, shift=move)


def test_to_float_puts_channels_first_and_255_to_one():
    pixels = torch.zeros(1, 2, 3, 3, dtype=torch.uint8)
    pixels[0, 1, 2] = torch.tensor([255, 51, 0])
    found = transforms.to_float(pixels)
    assert found.shape == (1, 3, 2, 3)
    assert found[0, :, 1, 2].tolist() == pytest.approx([1, 0.2, 0])
    assert pixels.max() == 255


def test_no_move_leaves_every_pixel(images: Tensor):
    assert torch.allclose(_affine(images), images, atol=1e-5)


def test_flip_mirrors_left_and_right(images: Tensor):
    assert torch.allclose(_affine(images, flip=True), images.flip(3), atol=1e-5)


def test_each_image_has_its_own_strength(images: Tensor):
    zero = torch.zeros(3)
    flip = torch.tensor([True, False, True])
    found = transforms.affine(images, flip=flip, degrees=zero, scale=zero + 1, shift=torch.zeros(3, 2))
    assert torch.allclose(found, torch.where(flip[:, None, None, None], images.flip(3), images), atol=1e-5)


def test_shift_moves_the_content_right_and_down_and_repeats_the_border(images: Tensor):
    found = _affine(images, shift=(2 / 12, 3 / 12))
    assert torch.allclose(found[:, :, 3:, 2:], images[:, :, :-3, :-2], atol=1e-5)
    assert torch.allclose(found[:, :, 3:, :2], images[:, :, :-3, :1].expand(-1, -1, -1, 2), atol=1e-5)


@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_positive_degrees_turn_counter_clockwise_as_rot90_does(images: Tensor, quarters: int):
    assert torch.allclose(_affine(images, degrees=90 * quarters), images.rot90(quarters, (2, 3)), atol=1e-4)


def test_a_scale_of_two_shows_the_middle_half_twice_as_large():
    ramp = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    found = _affine(ramp, scale=2)
    middle = torch.nn.functional.interpolate(ramp[..., 4:12, 4:12], scale_factor=2, mode="bilinear")
    assert torch.allclose(found[..., 1:-1], middle[..., 1:-1], atol=1e-5)


def _colour(images: Tensor, **changed: float) -> Tensor:
    one = torch.ones(len(images))
    return transforms.colour(images, **{k: one * changed.get(k, 1) for k in ("brightness", "contrast", "saturation")})


def test_colour_with_ones_is_the_identity(images: Tensor):
    assert torch.allclose(_colour(images), images, atol=1e-6)


def test_colour_at_its_limits(images: Tensor):
    assert _colour(images, brightness=0).abs().max() == 0
    flat = images.mean(dim=(1, 2, 3), keepdim=True).expand_as(images)
    assert torch.allclose(_colour(images, contrast=0), flat, atol=1e-6)
    assert torch.allclose(_colour(images, saturation=0), transforms.grey(images).expand_as(images), atol=1e-6)
    assert _colour(images, brightness=9, contrast=9).max() == 1


def test_grey_is_the_luma_of_itu_601():
    pure = torch.eye(3).view(3, 3, 1, 1)
    assert transforms.grey(pure).flatten().tolist() == pytest.approx([0.299, 0.587, 0.114])


def test_blur_spreads_a_point_binomially_in_each_channel_alone():
    point = torch.zeros(2, 3, 5, 5)
    point[:, 1, 2, 2] = 1
    found = transforms.blur_(point.clone(), torch.tensor([1.0, 0.5]))
    binomial = torch.tensor([1.0, 2, 1])[:, None] * torch.tensor([1.0, 2, 1]) / 16
    assert torch.allclose(found[0, 1, 1:4, 1:4], binomial)
    milder = torch.tensor([0.5, 3, 0.5])[:, None] * torch.tensor([0.5, 3, 0.5]) / 16
    assert torch.allclose(found[1, 1, 1:4, 1:4], milder)
    assert found[:, [0, 2]].abs().max() == 0


def test_erase_paints_its_area_grey_and_nothing_else():
    images = torch.zeros(2, 3, 20, 20)
    centre, size = torch.tensor([[0.5, 0.25], [0.5, 0.5]]), torch.tensor([[0.4, 0.2], [0.0, 0.9]])
    found = transforms.erase(images, centre=centre, size=size)
    assert torch.equal(found[0, 0, 3:7, 6:14], torch.full((4, 8), 0.5))
    assert (found[0] != 0).sum() == 3 * 4 * 8
    assert found[1].abs().max() == 0
