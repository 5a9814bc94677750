"""The sections of params.yaml, a class each; no defaults for what the file holds."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from distillery.heads import Frozen, ViewKind
from distillery.params.kinds import Count, FolderName, Positive, Precision, Share, Span
from distillery.tables import SPLITS


class FacesDomain(Frozen):
    people: Count
    images: Count
    camera: dict[str, float]


class Faces(Frozen):
    size: Count
    domains: dict[FolderName, FacesDomain]


class Dataset(Frozen):
    """One data set: where it lies, how it is read, which of its columns label which head."""

    adapter: Literal["utkface", "folders", "people", "table"]
    path: str
    domain: str
    table: str | None = None
    path_column: str = "path"
    heads: dict[str, str | tuple[str, ...]] = Field(default={})
    identity: str | None = None
    rename: dict[str, dict[str, str | None]] = Field(default={})
    splits: dict[str, dict[str, Share]]

    @field_validator("path")
    @classmethod
    def _path_is_watched(cls, path: str) -> str:
        if not path.startswith("data/raw/") or ".." in path.split("/"):
            raise ValueError(f"{path!r} is outside data/raw/, where DVC watches; move the data set there")
        return path

    @field_validator("splits")
    @classmethod
    def _splits_are_sound(cls, splits: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for source, shares in splits.items():
            if unknown := set(shares) - set(SPLITS):
                raise ValueError(f"{source}: unknown split {sorted(unknown)}; allowed: {list(SPLITS)}")
            if abs(sum(shares.values()) - 1) > 1e-6:
                raise ValueError(f"{source}: the shares sum to {sum(shares.values()):g}, they must sum to 1")
        return splits


class Manifest(Frozen):
    bad_share: Share
    min_side: Count
    max_pixels: Count
    datasets: Annotated[dict[FolderName, Dataset], Field(min_length=1)]


class Images(Frozen):
    """``quality``: of JPEG; null stores the pixels, the fastest while they fit on the disk."""

    size: Count
    quality: Annotated[int, Field(ge=1, le=100)] | None
    shard: Count


class Pretrained(Frozen):
    """A safetensors file of a backbone's weights, and the hash of its bytes, which DVC so gets to know."""

    path: str
    blake2b: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Network(Frozen):
    backbone: str
    width: Positive
    dropout: Share
    pretrained: Pretrained | None


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
        return frozenset(kind for kind, is_used in used.items() if is_used)

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
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share
    smoothing: Share
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


class Student(Training):
    pseudo_weight: Positive


class View(Frozen):
    """One transform at inference; ``amount`` is in the transform's own unit (see labelling/views.py)."""

    kind: ViewKind
    amount: float | tuple[float, float] = 0.0


class Inference(Frozen):
    """How a network answers; ``together``: views a forward pass."""

    views: Annotated[tuple[View, ...], Field(min_length=1)]
    batch: Count | Literal["auto"]
    together: Count
    bf16: Precision


class Predictions(Inference):
    shard: Count


class Selection(Frozen):
    threshold: Annotated[float, Field(ge=0)]
    targets: Literal["soft", "hard"]


class PseudoLabels(Frozen):
    heads: dict[str, Selection]


class Evaluation(Inference):
    resamples: Annotated[int, Field(ge=20)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]


class Report(Frozen):
    title: str
    gallery: Count


class Tracking(Frozen):
    uri: str
    experiment: str


class Round(Frozen):
    teacher: str
