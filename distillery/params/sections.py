"""The sections of params.yaml, a class each; no defaults for what the file holds."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from distillery.heads import Frozen
from distillery.params.kinds import Count, FolderName, Positive, Share
from distillery.tables import SPLITS


class FacesDomain(Frozen):
    people: Count
    images: Count
    camera: dict[str, float]
    emotions: Literal["basic", "compound"]


class Faces(Frozen):
    size: Count
    domains: dict[FolderName, FacesDomain]


class Dataset(Frozen):
    """One data set: where it lies, how it is read, which of its columns label which head.

    ``pairs``: a list of pairs of its images, by which an identification head is verified, as LFW's ``pairs.txt``.
    """

    adapter: Literal["utkface", "folders", "people", "table"]
    path: str
    domain: str
    table: str | None = None
    path_column: str = "path"
    heads: dict[str, str | tuple[str, ...]] = Field(default={})
    identity: str | None = None
    pairs: str | None = None
    rename: dict[str, dict[str, str | None]] = Field(default={})
    splits: dict[str, dict[str, Share]]

    @field_validator("path", "pairs")
    @classmethod
    def _path_is_watched(cls, path: str | None) -> str | None:
        if path is not None and (not path.startswith("data/raw/") or ".." in path.split("/")):
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


class Ledger(Frozen):
    """``similarity``: the correlation of two pictures from which on they are near duplicates; ``crops``: whether those
    of which one shows a part of the other are looked for, too."""

    similarity: Annotated[float, Field(gt=0.5, le=1)]
    crops: bool
    keep_out: bool


class Pretrained(Frozen):
    """A safetensors file of a backbone's weights, and the hash of its bytes, which DVC so gets to know."""

    path: str
    blake2b: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Network(Frozen):
    backbone: str
    width: Positive
    pretrained: Pretrained | None


class FewShot(Frozen):
    """``shots``: images of each class, or none to learn nothing; ``repeats``: draws of the people who show them;
    ``batch``: images of a step."""

    shots: tuple[Count, ...]
    repeats: Count
    steps: Count
    batch: Count
    learning_rate: Positive


class Promotion(Frozen):
    """What a round's network has to show to take the champion's place, in the heads' primary metrics.

    ``gain``: the lower bound of the rise of the mean has to be above it; ``fall``: of a head, ``gap``: of a group
    behind the whole, the most that is allowed; ``least``: images of a group that is looked at; ``groups``: the heads by
    whose classes, or quarters of a number, people are grouped.
    """

    gain: Annotated[float, Field(ge=0)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    fall: Annotated[float, Field(ge=0)]
    gap: Annotated[float, Field(ge=0)]
    least: Count
    groups: tuple[str, ...]


class Report(Frozen):
    title: str
    gallery: Count


class Tracking(Frozen):
    """``licences``: by data set the terms of its images, in a few words, with which models that learn from it are
    tagged. Here, where no stage looks: a correction runs nothing again."""

    uri: str
    experiment: Annotated[str, Field(pattern="^[^/:'\"]+$")]  # MLflow's rule for the registered model's name
    licences: dict[str, str] = Field(default={})


class Round(Frozen):
    teacher: str
