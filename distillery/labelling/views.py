"""Views: one deterministic transform of the images each, and what it does to every head."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.heads import LearntHeads, ViewKind, mirrored
from distillery.images import transforms
from distillery.images.cells import reorder

FACTORS = frozenset({"scale", "brightness", "contrast"})
PORTIONS = frozenset({"grey", "blur"})


@dataclass(frozen=True)
class View:
    """A kind of transform and how much of it.

    Units of ``amount``: scale: zoom factor; shift: (x, y) as shares of the side; rotation: degrees; brightness and
    contrast: factor; grey and blur: share from 0 to 1; identity and flip: none.
    """

    kind: ViewKind
    amount: float | tuple[float, float] = 0.0


def check_views(views: Sequence[View], heads: LearntHeads) -> None:
    """Refuse what a head forbids and amounts of the wrong shape.

    Raises:
        DistilleryError: names the view, the head and what is allowed.
    """
    for number, view in enumerate(views):
        where = f"views[{number}] ({view.kind})"
        if isinstance(view.amount, tuple) != (view.kind == "shift"):
            raise DistilleryError(f"{where}: amount {view.amount!r}; shift takes [x, y], every other kind one number")
        if view.kind in FACTORS and not view.amount > 0:  # type: ignore[operator]
            raise DistilleryError(f"{where}: amount {view.amount!r}; a factor is above 0")
        if view.kind in PORTIONS and not 0 <= view.amount <= 1:  # type: ignore[operator]
            raise DistilleryError(f"{where}: amount {view.amount!r}; allowed: 0 to 1")
        for name, head in heads.items():
            if view.kind in head.forbids:
                raise DistilleryError(f"{where}: head '{name}' forbids it (heads.{name}.forbids); remove the view")


def apply_view(view: View, images: Tensor) -> Tensor:
    """Transform float images [batch, 3, height, width] in 0..1."""
    number = 0.0 if isinstance(view.amount, tuple) else float(view.amount)
    one = images.new_ones(len(images))
    match view.kind:
        case "identity":
            return images
        case "flip":
            return images.flip(3)
        case "scale":
            return _move(images, scale=number)
        case "shift":
            assert isinstance(view.amount, tuple)
            return _move(images, shift=view.amount)
        case "rotation":
            return _move(images, degrees=number)
        case "brightness":
            return (images * number).clamp_(0, 1)
        case "contrast":
            return transforms.colour(images, brightness=one, contrast=one * number, saturation=one)
        case "grey":
            return torch.lerp(images, transforms.grey(images).expand_as(images), number)
        case "blur":
            return transforms.blur_(images.clone(), one * number)


def align(view: View, heads: LearntHeads, values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Values [batch, names] that a view's image gave, in the order of the image itself: a flip swaps left and right."""
    if view.kind != "flip":
        return values
    return {name: reorder(value, mirrored(heads[name])) for name, value in values.items()}


def _move(
    images: Tensor, *, degrees: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> Tensor:
    """``transforms.affine`` with one transform for the whole batch: the grid is made once and not per image."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    return transforms.resample(images, images.new_tensor([[[cos, -sin, -2 * shift[0]], [sin, cos, -2 * shift[1]]]]))
