"""The sections predictions, views and evaluation: how a network answers."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from distillery.heads import Frozen, Heads, Regression, ViewKind
from distillery.params.kinds import Count, Positive, Precision
from distillery.params.selection import Narrow, Selection, Uncertainty, lowest


class View(Frozen):
    """One transform at inference; ``amount`` is in the transform's own unit (see labelling/views.py)."""

    kind: ViewKind
    amount: float | tuple[float, float] = 0.0


class Inference(Frozen):
    """How a network answers; ``together``: views a forward pass; ``compile``: by torch.compile, which needs a C++
    compiler on a CPU."""

    views: Annotated[tuple[View, ...], Field(min_length=1)]
    batch: Count | Literal["auto"]
    together: Count
    bf16: Precision
    compile: bool


class Adaptive(Frozen):
    """Views saved where they change nothing: ``same``: the share of empty cells that become what they become with all
    views; ``pilot``: images that all views see, by which it is learnt when to stop; ``around``: by head, the confidence
    from which its pseudo-labels are kept, of numbers the width up to which."""

    same: Annotated[float, Field(gt=0.5, lt=1)]
    pilot: Annotated[int, Field(ge=50)]
    around: dict[str, Positive]

    def check(self, where: str, heads: Heads, selections: Mapping[str, Selection]) -> None:
        """Whether ``around`` fits the heads, and their rules what is saved.

        Raises:
            ValueError: one does not.
        """
        if unknown := sorted(set(self.around) - set(heads)):
            raise ValueError(f"{where}.around names {unknown}; allowed: {sorted(heads)}")
        for name, value in self.around.items():
            low = lowest(heads[name])
            if not isinstance(heads[name], Regression) and not low <= value <= 1:
                raise ValueError(f"{where}.around.{name} is {value:g}; allowed: {low:g} to 1")
        for name, selection in selections.items():
            for place, rule in enumerate(selection.rules):
                if isinstance(rule, Narrow) and rule.width is not None and name not in self.around:
                    raise ValueError(
                        f"{where}.around lacks {name}, whose width pseudo_labels.heads.{name}.rules.{place} limits: "
                        f"write {name}: {rule.width:g}"
                    )
                if isinstance(rule, Uncertainty) or (isinstance(rule, Narrow) and rule.spread is not None):
                    raise ValueError(
                        f"pseudo_labels.heads.{name}.rules.{place} asks how far views lie apart, which the few that an "
                        f"adaptive ensemble takes do not tell; allowed with it: {where} full"
                    )


class Predictions(Inference):
    """``ensemble``: of all views, or of as many as an image needs; ``statistics``: by which batch normalisation goes,
    those of the training or of each domain's own images."""

    ensemble: Literal["full"] | Adaptive
    statistics: Literal["training", "domain"]
    shard: Count

    @model_validator(mode="after")
    def _there_is_something_to_save(self) -> Self:
        if self.ensemble != "full" and len(self.views) < 3:
            raise ValueError(f"ensemble saves views of 3 or more, and there are {len(self.views)}; allowed: full")
        if self.ensemble != "full" and self.compile:
            raise ValueError(
                "ensemble takes batches of any size, which a compiled network pads; allowed: compile false"
            )
        return self


class Views(Inference):
    """Candidate views; ``images``: of the validation split, at most, by which they are ranked."""

    images: Count

    @field_validator("views")
    @classmethod
    def _one_is_the_image_itself(cls, views: tuple[View, ...]) -> tuple[View, ...]:
        if not any(view.kind == "identity" for view in views):
            raise ValueError("none of them is identity, by which every other is measured; add {kind: identity}")
        return views


class Evaluation(Inference):
    resamples: Annotated[int, Field(ge=20)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
