"""What a network learns: heads of five kinds, each with its labels, its limits and what a mirror does to it."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

ViewKind = Literal["identity", "flip", "scale", "shift", "rotation", "brightness", "contrast", "grey", "blur"]


class Frozen(BaseModel):
    """A value: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class _Head(Frozen):
    weight: float = Field(default=1.0, gt=0, description="share in the total loss")
    forbids: frozenset[ViewKind] = Field(
        default=frozenset(), description="views and augmentations that change its label"
    )

    @field_serializer("forbids", when_used="json")
    def _in_one_order(self, forbids: frozenset[str]) -> list[str]:
        # A set's own order differs from process to process, and cards and hashes are made of this.
        return sorted(forbids)


class Classification(_Head):
    """One class of several. ``mirror`` pairs the classes that a left-right flip swaps."""

    kind: Literal["classification"]
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    mirror: tuple[tuple[str, str], ...] = ()

    @model_validator(mode="after")
    def _names_are_sound(self) -> Self:
        _check_names("classes", self.classes, self.mirror)
        return self


class Detection(_Head):
    """Many yes/no elements. ``mirror`` pairs the elements that a left-right flip swaps."""

    kind: Literal["detection"]
    elements: Annotated[tuple[str, ...], Field(min_length=1)]
    mirror: tuple[tuple[str, str], ...] = ()

    @model_validator(mode="after")
    def _names_are_sound(self) -> Self:
        _check_names("elements", self.elements, self.mirror)
        return self


class Regression(_Head):
    """One or more numbers within ``range``; with ``bins`` each is learnt as a distribution over that many bins.

    ``loss``: ``error``, image by image, or ``ccc``, the concordance of a batch (FBN).
    """

    kind: Literal["regression"]
    outputs: Annotated[tuple[str, ...], Field(min_length=1)]
    range: tuple[float, float]
    bins: int | None = Field(default=None, ge=2, le=10_000)
    loss: Literal["error", "ccc"] = "error"

    @model_validator(mode="after")
    def _range_is_sound(self) -> Self:
        if self.range[0] >= self.range[1]:
            raise ValueError(f"range {list(self.range)} is empty: the first number must be below the second")
        return self


class Identification(_Head):
    """Who it is, as a direction among ``dimensions``: verified by similarity, for people whom training never saw.

    Attributes:
        centre: weight of the centre loss.
        margin: radians by which an image must be nearer to its own person than to others; 0 is the plain softmax.
        scale: of the cosines, with a margin.
    """

    kind: Literal["identification"]
    dimensions: int = Field(ge=2, le=4096)
    centre: float = Field(default=0.1, ge=0)
    margin: float = Field(default=0.0, ge=0, lt=1.57)
    scale: float = Field(default=32.0, gt=0)


class Compound(_Head):
    """Classes that no image was labelled with in training: scored from what other heads say, without learning.

    Attributes:
        classes: compound emotions, each of two that ``expression`` has (see emotions.py).
        expression: the classification head of the single emotions.
        action_units: the detection head of the units, or null to go by the expression alone.
        valence: a regression head with the output ``valence``, or null.
    """

    kind: Literal["compound"]
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    expression: str
    action_units: str | None
    valence: str | None

    @model_validator(mode="after")
    def _names_are_sound(self) -> Self:
        _check_names("classes", self.classes, ())
        return self


Head = Annotated[Classification | Detection | Regression, Field(discriminator="kind")]
Heads = dict[str, Head]
# With identification, which is learnt and measured, but never pseudo-labelled: nobody knows the strangers' names.
LearntHead = Annotated[Classification | Detection | Regression | Identification, Field(discriminator="kind")]
LearntHeads = Mapping[str, LearntHead]
# With compounds, which are only measured.
AnyHead = Annotated[Classification | Detection | Regression | Identification | Compound, Field(discriminator="kind")]
AnyHeads = Mapping[str, AnyHead]


def names(head: AnyHead) -> tuple[str, ...]:
    """The names of a head's values: its classes, its elements, its outputs or its dimensions."""
    match head:
        case Identification():
            return tuple(str(place) for place in range(head.dimensions))
        case Classification() | Compound():
            return head.classes
        case Detection():
            return head.elements
        case Regression():
            return head.outputs


def mirrored(head: AnyHead) -> list[int]:
    """The order of a head's values after a left-right flip of the image."""
    order = list(range(len(names(head))))
    for left, right in () if isinstance(head, Regression | Identification | Compound) else head.mirror:
        i, j = names(head).index(left), names(head).index(right)
        order[i], order[j] = j, i
    return order


def _check_names(what: str, allowed: tuple[str, ...], mirror: tuple[tuple[str, str], ...]) -> None:
    if len(set(allowed)) != len(allowed):
        raise ValueError(f"{what} holds a name twice: {list(allowed)}")
    paired = [name for pair in mirror for name in pair]
    for name in paired:
        if name not in allowed:
            raise ValueError(f"mirror names {name!r}; allowed: {list(allowed)}")
        if paired.count(name) > 1:
            raise ValueError(f"mirror names {name!r} twice; a flip swaps it with one other")
