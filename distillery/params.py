"""The schema of params.yaml: no defaults for what the file holds, unknown keys refused, every mistake named."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from distillery.errors import DistilleryError
from distillery.heads import Classification, Frozen, Heads, Regression, ViewKind, names
from distillery.tables import SPLITS

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Span = tuple[float, float]
TEACHER = "r0"


class FacesDomain(Frozen):
    people: Count
    images: Count
    camera: dict[str, float]


class Faces(Frozen):
    size: Count
    domains: dict[str, FacesDomain]


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
            raise ValueError(f"{path!r} is outside data/raw/, where DVC watches; move or link the data set there")
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
    datasets: Annotated[dict[str, Dataset], Field(min_length=1)]


class Images(Frozen):
    size: Count


class Network(Frozen):
    backbone: str
    width: Positive
    dropout: Share
    pretrained: bool


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
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share
    smoothing: Share
    clip: Positive
    ema: Share
    bf16: bool
    channels_last: bool
    mixing: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    augmentation: Augmentation


class Student(Training):
    pseudo_weight: Positive


class View(Frozen):
    """One transform at inference; ``amount`` is in the transform's own unit (see labelling/views.py)."""

    kind: ViewKind
    amount: float | tuple[float, float] = 0.0


class Predictions(Frozen):
    views: Annotated[tuple[View, ...], Field(min_length=1)]
    batch: Count
    shard: Count
    bf16: bool


class Selection(Frozen):
    threshold: Annotated[float, Field(ge=0)]
    targets: Literal["soft", "hard"]


class PseudoLabels(Frozen):
    heads: dict[str, Selection]


class Evaluation(Frozen):
    views: Annotated[tuple[View, ...], Field(min_length=1)]
    batch: Count
    bf16: bool
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


class Params(Frozen):
    seed: Annotated[int, Field(ge=0)]
    threads: Count
    device: Literal["cpu", "cuda"]
    heads: Annotated[Heads, Field(min_length=1)]
    rounds: dict[str, Round]
    faces: Faces
    manifest: Manifest
    images: Images
    network: Network
    teacher: Training
    predictions: Predictions
    pseudo_labels: PseudoLabels
    student: Student
    evaluation: Evaluation
    report: Report
    tracking: Tracking

    @model_validator(mode="after")
    def _rounds_chain(self) -> Self:
        known = [TEACHER]
        for key, item in self.rounds.items():
            if key == TEACHER:
                raise ValueError(f"rounds: {TEACHER} is the teacher itself; name the first round r1")
            if item.teacher not in known:
                raise ValueError(f"rounds.{key}.teacher is {item.teacher!r}; allowed: {known}")
            known.append(key)
        return self

    @model_validator(mode="after")
    def _heads_are_labelled(self) -> Self:
        labelled: set[str] = set()
        for key, dataset in self.manifest.datasets.items():
            where = f"manifest.datasets.{key}"
            if unknown := (set(dataset.heads) | set(dataset.rename)) - set(self.heads):
                raise ValueError(f"{where} labels unknown head {sorted(unknown)}; allowed: {sorted(self.heads)}")
            if any("train" in shares for shares in dataset.splits.values()):
                labelled |= set(dataset.heads)
        if orphans := [head for head in self.heads if head not in labelled]:
            raise ValueError(f"no data set with a train split labels the head {orphans}")
        return self

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        allowed = set(self.manifest.datasets)
        for where, mixing in (("teacher", self.teacher.mixing), ("student", self.student.mixing)):
            extra = {"pseudo_labelled"} if where == "student" else set()
            if unknown := set(mixing) - allowed - extra:
                raise ValueError(f"{where}.mixing names {sorted(unknown)}; allowed: {sorted(allowed | extra)}")
            if not sum(mixing.values()):
                raise ValueError(f"{where}.mixing: every proportion is 0")
        if set(self.pseudo_labels.heads) != set(self.heads):
            found, wanted = sorted(self.pseudo_labels.heads), sorted(self.heads)
            raise ValueError(f"pseudo_labels.heads has {found}; it must name every head once: {wanted}")
        return self

    @model_validator(mode="after")
    def _thresholds_fit(self) -> Self:
        for key, selection in self.pseudo_labels.heads.items():
            head = self.heads[key]
            low = 1 / len(names(head)) if isinstance(head, Classification) else 0.5
            if not isinstance(head, Regression) and not low <= selection.threshold <= 1:
                raise ValueError(f"pseudo_labels.heads.{key}.threshold is {selection.threshold}; allowed: {low:g} to 1")
        return self


def validate(found: object, where: str) -> Params:
    """Turn what a YAML file held into typed parameters.

    Raises:
        DistilleryError: a line for each mistake, naming its key, what was found and what is allowed.
    """
    if not isinstance(found, dict):
        raise DistilleryError(f"{where}: expected a mapping of sections, found {type(found).__name__}")
    try:
        return Params.model_validate(found)
    except ValidationError as error:
        raise DistilleryError("\n".join([f"{where} does not fit:", *map(_explain, error.errors())])) from error


def _explain(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "(whole file)"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown key; remove it or correct its spelling"
    elif error["type"] == "missing":
        return f"  {key}: missing key"
    found = "" if isinstance(error["input"], dict) or error["type"] == "value_error" else f" (found {error['input']!r})"
    return f"  {key}: {message}{found}"
