"""The schema of params.yaml: unknown keys refused, every mistake named, sections checked against each other."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from distillery.errors import DistilleryError
from distillery.heads import (
    AnyHead,
    Compound,
    Frozen,
    Heads,
    Identification,
    LearntHead,
)
from distillery.params.agreement import disagreements
from distillery.params.inference import Evaluation, Predictions, Views
from distillery.params.kinds import LARGEST, Count, FolderName
from distillery.params.mistakes import describe, not_finite, unwatched
from distillery.params.sections import (
    Faces,
    FewShot,
    Images,
    Ledger,
    Manifest,
    Network,
    Promotion,
    Report,
    Round,
    Tracking,
)
from distillery.params.selection import PseudoLabels
from distillery.params.training import Student, Training
from distillery.tables import POOL

TEACHER = "r0"


class Params(Frozen):
    seed: Annotated[int, Field(ge=0, le=LARGEST)]
    threads: Count
    device: Literal["cpu", "cuda"]
    deterministic: bool
    heads: Annotated[dict[str, AnyHead], Field(min_length=1)]
    rounds: dict[FolderName, Round]
    faces: Faces
    manifest: Manifest
    images: Images
    ledger: Ledger
    network: Network
    teacher: Training
    views: Views
    predictions: Predictions
    pseudo_labels: PseudoLabels
    student: Student
    evaluation: Evaluation
    few_shot: FewShot
    promotion: Promotion
    report: Report
    tracking: Tracking

    @property
    def models(self) -> list[str]:
        """The teacher and every round, in order. This map names them, never the folder: removed rounds leave files."""
        return [TEACHER, *self.rounds]

    @property
    def learnt(self) -> dict[str, LearntHead]:
        """The heads that the network has."""
        return {name: head for name, head in self.heads.items() if not isinstance(head, Compound)}

    @property
    def distilled(self) -> Heads:
        """The heads that are pseudo-labelled."""
        return {name: head for name, head in self.learnt.items() if not isinstance(head, Identification)}

    @property
    def targets(self) -> list[str]:
        """The data sets that are pseudo-labelled and of which no label is learnt."""
        sets = self.manifest.datasets.items()
        splits = {key: {split for shares in dataset.splits.values() for split in shares} for key, dataset in sets}
        return [key for key, found in splits.items() if "train" not in found and found & set(POOL)]

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if found := list(disagreements(self)):
            raise ValueError("\n".join(found))
        return self


def validate(found: object, where: str) -> Params:
    """Turn what a YAML file held into typed parameters.

    Raises:
        DistilleryError: a line for each mistake, naming its key, what was found and what is allowed.
    """
    if not isinstance(found, dict):
        raise DistilleryError(f"{where}: expected a mapping of sections, found {type(found).__name__}")
    try:
        params = Params.model_validate(found)
    except ValidationError as error:
        raise DistilleryError("\n".join([f"{where} does not fit:", *describe(error.errors(), found)])) from error
    shown = params.model_dump()
    if wrong := [*not_finite(shown), *unwatched(shown)]:
        raise DistilleryError("\n".join([f"{where} does not fit:", *wrong]))
    return params
