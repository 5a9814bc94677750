"""What a network learns: heads of three kinds, each with its labels, its limits and what a mirror does to it."""

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
    """One or more numbers within ``range``; with ``bins`` each is learnt as a distribution over that many bins."""

    kind: Literal["regression"]
    outputs: Annotated[tuple[str, ...], Field(min_length=1)]
    range: tuple[float, float]
    bins: int | None = Field(default=None, ge=2, le=10_000)

    @model_validator(mode="after")
    def _range_is_sound(self) -> Self:
        if self.range[0] >= self.range[1]:
            raise ValueError(f"range {list(self.range)} is empty: the first number must be below the second")
        return self


Head = Annotated[Classification | Detection | Regression, Field(discriminator="kind")]
Heads = dict[str, Head]


def names(head: Head) -> tuple[str, ...]:
    """The names of a head's values: its classes, its elements or its outputs."""
    match head:
        case Classification():
            return head.classes
        case Detection():
            return head.elements
        case Regression():
            return head.outputs


def mirrored(head: Head) -> list[int]:
    """The order of a head's values after a left-right flip of the image."""
    order = list(range(len(names(head))))
    for left, right in () if isinstance(head, Regression) else head.mirror:
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
