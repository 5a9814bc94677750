import math

import pytest
import torch
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.heads import Classification, Heads
from distillery.images import transforms
from distillery.labelling.views import View, align, apply_view, check_views


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def test_a_view_that_a_head_forbids_is_refused(heads: Heads):
    strict = Classification(kind="classification", classes=("a", "b"), forbids=frozenset({"flip"}))
    check_views([View("flip")], heads)
    with pytest.raises(DistilleryError, match=r"views\[1\] \(flip\): head 'side' forbids it \(heads\.side\.forbids\)"):
        check_views([View("identity"), View("flip")], {**heads, "side": strict})


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (View("shift", 0.1), r"shift takes \[x, y\]"),
        (View("rotation", (1.0, 2.0)), "every other kind one number"),
        (View("scale", 0.0), "a factor is above 0"),
        (View("scale", -1.0), "a factor is above 0"),
        (View("brightness"), "a factor is above 0"),
        (View("contrast", math.nan), "a factor is above 0"),
        (View("grey", 1.5), "allowed: 0 to 1"),
        (View("blur", -0.5), "allowed: 0 to 1"),
    ],
)
def test_a_wrong_amount_is_refused(heads: Heads, view: View, message: str):
    with pytest.raises(DistilleryError, match=rf"views\[0\] \({view.kind}\): amount .*{message}"):
        check_views([view], heads)


@pytest.mark.parametrize(
    ("view", "arguments"),
    [
        (View("identity"), {}),
        (View("flip"), {"flip": True}),
        (View("scale", 0.8), {"scale": 0.8}),
        (View("shift", (0.1, -0.2)), {"shift": (0.1, -0.2)}),
        (View("rotation", 25.0), {"degrees": 25.0}),
    ],
)
def test_views_move_images_as_augmentation_does(images: Tensor, view: View, arguments: dict):
    flip, degrees, scale, shift = (
        arguments.get(k, d) for k, d in (("flip", False), ("degrees", 0), ("scale", 1), ("shift", (0, 0)))
    )
    one = torch.ones(3)
    wanted = transforms.affine(
        images,
        flip=one.bool() & flip,
        degrees=one * degrees,
        scale=one * scale,
        shift=torch.tensor([shift]).expand(3, 2),
    )
    assert torch.allclose(apply_view(view, images), wanted, atol=1e-5)


def test_views_of_colour_do_what_their_unit_says(images: Tensor):
    assert torch.allclose(apply_view(View("brightness", 0.5), images), images / 2)
    assert torch.allclose(apply_view(View("contrast", 1.0), images), images, atol=1e-6)
    assert torch.allclose(apply_view(View("grey", 1.0), images), transforms.grey(images).expand_as(images), atol=1e-6)
    assert torch.equal(apply_view(View("blur", 0.0), images), images)
    assert apply_view(View("contrast", 2.0), images).std() > images.std()


@pytest.mark.parametrize("kind", ["brightness", "contrast", "grey", "blur"])
def test_a_view_leaves_the_images_themselves_alone(images: Tensor, kind: str):
    before = images.clone()
    apply_view(View(kind, 0.7), images)
    assert torch.equal(images, before)


def test_a_flip_swaps_left_and_right_elements_and_no_other_view_does(heads: Heads):
    values = {name: torch.arange(6.0).view(2, 3) for name in ("mood", "units")}
    flipped = align(View("flip"), heads, values)
    assert flipped["units"].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert torch.equal(flipped["mood"], values["mood"])
    for view in (View("identity"), View("rotation", 10.0), View("scale", 1.1)):
        assert torch.equal(align(view, heads, values)["units"], values["units"])
