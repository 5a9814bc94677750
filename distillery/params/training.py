"""The sections teacher and student: how a network is trained."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from distillery.heads import Frozen, ViewKind
from distillery.methods import Aggregation, LabelledShare, OptimiserName, Schedule, WeightingName
from distillery.params.couplings import Coupling
from distillery.params.kinds import Count, NotAll, Positive, Precision, Share, Span


class TrivialAugment(Frozen):
    kind: Literal["trivial_augment"]


class RandAugment(Frozen):
    """``magnitude``: of every operation, of torchvision's 31 steps."""

    kind: Literal["rand_augment"]
    operations: Count
    magnitude: Annotated[int, Field(ge=0, le=30)]


# What the two of them do that a head may forbid.
POLICY_KINDS: frozenset[ViewKind] = frozenset({"rotation", "shift", "brightness", "contrast", "grey", "blur"})


class Augmentation(Frozen):
    """Strengths; each image draws its own value within them."""

    flip: Share
    rotation: Annotated[float, Field(ge=0, le=180)]
    scale: Span
    shift: Share
    brightness: Share
    contrast: Share
    saturation: Share
    grey: Share
    blur: Share
    noise: Share
    erase: Share
    policy: Annotated[TrivialAugment | RandAugment, Field(discriminator="kind")] | None

    def kinds(self) -> frozenset[ViewKind]:
        """The kinds of transform that it applies at all."""
        used: dict[ViewKind, bool] = {
            "flip": self.flip > 0,
            "rotation": self.rotation > 0,
            "scale": self.scale != (1, 1),
            "shift": self.shift > 0,
            "brightness": self.brightness > 0,
            "contrast": self.contrast > 0,
            "grey": self.grey > 0 or self.saturation > 0,
            "blur": self.blur > 0,
        }
        kinds = frozenset(kind for kind, is_used in used.items() if is_used)
        return kinds | POLICY_KINDS if self.policy else kinds

    @field_validator("scale")
    @classmethod
    def _scale_is_a_zoom(cls, scale: Span) -> Span:
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(f"{list(scale)} is no span of zooms; allowed: smallest, then largest, above 0")
        return scale


class Training(Frozen):
    epochs: Count
    steps_per_epoch: Count
    batch: Count
    accumulate: Count
    weighting: WeightingName
    couplings: tuple[Coupling, ...]
    optimiser: OptimiserName
    schedule: Schedule
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share
    smoothing: Share
    dropout: NotAll
    stochastic_depth: NotAll
    clip: Positive
    ema: Share
    bf16: Precision
    channels_last: bool
    compile: bool
    workers: Annotated[int, Field(ge=0)]
    save_every: Positive
    mixing: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    augmentation: Augmentation

    @model_validator(mode="after")
    def _parts_are_not_empty(self) -> Self:
        if self.accumulate > self.batch:
            raise ValueError(f"accumulate is {self.accumulate}; allowed: at most the batch, {self.batch}")
        return self

    @model_validator(mode="after")
    def _methods_agree(self) -> Self:
        if self.optimiser == "schedulefree" and (self.schedule != "constant" or self.ema):
            raise ValueError(
                f"optimiser schedulefree averages by itself; allowed with it: schedule constant and ema 0, "
                f"found {self.schedule} and {self.ema:g}"
            )
        if self.schedule == "dynamic" and self.optimiser != "adamw":
            raise ValueError(f"schedule dynamic tunes the rate of adamw alone, found optimiser {self.optimiser}")
        if self.weighting in get_args(Aggregation) and self.accumulate > 1:
            raise ValueError(
                f"weighting {self.weighting} makes one gradient of the whole batch's; allowed: accumulate 1, "
                f"found {self.accumulate}"
            )
        return self


class PseudoLearning(Frozen):
    """How pseudo-labels are learnt; ``weight``: of a pseudo-labelled cell against a labelled one."""

    weight: Positive
    labelled_share: LabelledShare
    temperature: Positive
    drop: NotAll


class Student(Training):
    start: Literal["initial", "teacher"]
    pseudo_labels: PseudoLearning

    @model_validator(mode="after")
    def _a_batch_is_whole_where_its_worst_are_dropped(self) -> Self:
        if self.pseudo_labels.drop and self.accumulate > 1:
            raise ValueError(f"pseudo_labels.drop needs whole batches; allowed: accumulate 1, found {self.accumulate}")
        return self
