"""The schema of params.yaml: unknown keys refused, every mistake named, sections checked against each other."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from distillery.errors import DistilleryError
from distillery.heads import (
    AnyHead,
    Classification,
    Compound,
    Frozen,
    Heads,
    Identification,
    LearntHead,
)
from distillery.params.compounds import check_compound
from distillery.params.inference import Evaluation, Predictions, Views
from distillery.params.kinds import LARGEST, Count, FolderName
from distillery.params.mistakes import describe, not_finite
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
MANIFEST_COLUMNS = ("image", "path", "dataset", "domain", "split", "identity", "status", "views")
DERIVED = ("_std", "_agreement", "_variance", "_soft", "_hard", "_weight", "_confidence", "_reason", "_negative")


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
    def _sections_agree(self) -> Self:
        allowed = set(self.manifest.datasets)
        for where, mixing in (("teacher", self.teacher.mixing), ("student", self.student.mixing)):
            extra = {"pseudo_labelled"} if where == "student" else set()
            if unknown := set(mixing) - allowed - extra:
                raise ValueError(f"{where}.mixing names {sorted(unknown)}; allowed: {sorted(allowed | extra)}")
            if not sum(mixing.values()):
                raise ValueError(f"{where}.mixing: every proportion is 0")
        if strangers := [name for name in self.promotion.groups if name not in self.heads]:
            raise ValueError(f"promotion.groups names {strangers}; allowed: {list(self.heads)}")
        return self

    @model_validator(mode="after")
    def _heads_are_labelled(self) -> Self:
        labelled: set[str] = set()
        for key, dataset in self.manifest.datasets.items():
            where = f"manifest.datasets.{key}"
            if unknown := (set(dataset.heads) | set(dataset.rename)) - set(self.heads):
                raise ValueError(f"{where} labels unknown head {sorted(unknown)}; allowed: {sorted(self.heads)}")
            for head in dataset.rename:
                if not isinstance(self.heads[head], Classification):
                    raise ValueError(f"{where}.rename.{head}: only the classes of a classification head are renamed")
            if dataset.identity is not None and dataset.adapter != "table":
                raise ValueError(f"{where}.identity is a column of a table; the adapter '{dataset.adapter}' has none")
            for head in dataset.heads:
                if isinstance(self.heads[head], Identification) and dataset.adapter == "table" and not dataset.identity:
                    raise ValueError(
                        f"{where}.identity is missing, and heads.{head} learns people: the splits would cut them"
                    )
            if dataset.pairs and not any(isinstance(self.heads[head], Identification) for head in dataset.heads):
                raise ValueError(f"{where}.pairs is {dataset.pairs!r}, but it labels no identification head to verify")
            drawn = self.teacher.mixing.get(key, 0) > 0
            if drawn and any("train" in shares for shares in dataset.splits.values()):
                labelled |= set(dataset.heads)
        if orphans := [head for head in self.learnt if head not in labelled]:
            raise ValueError(f"no data set with a train split labels the head {orphans}, or teacher.mixing draws none")
        return self

    @model_validator(mode="after")
    def _compounds_fit(self) -> Self:
        for name, head in self.heads.items():
            if isinstance(head, Compound):
                check_compound(f"heads.{name}", head, self.heads)
        return self

    @model_validator(mode="after")
    def _couplings_fit(self) -> Self:
        for where, section in (("teacher", self.teacher), ("student", self.student)):
            for place, coupling in enumerate(section.couplings):
                coupling.check(f"{where}.couplings.{place}", self.heads)
        return self

    @model_validator(mode="after")
    def _forbidden_transforms_are_absent(self) -> Self:
        training, inference = ("teacher", "student"), ("views", "predictions", "evaluation")
        used = {f"{key}.augmentation": getattr(self, key).augmentation.kinds() for key in training}
        used |= {f"{key}.views": {view.kind for view in getattr(self, key).views} for key in inference}
        for where, kinds in used.items():
            for name, head in self.heads.items():
                if banned := sorted(head.forbids & kinds):
                    raise ValueError(f"{where} uses {banned}, which heads.{name}.forbids; remove them (strength 0)")
        return self

    @model_validator(mode="after")
    def _head_names_are_columns(self) -> Self:
        for name in self.heads:
            if not name.isidentifier() or name in MANIFEST_COLUMNS or name.endswith(DERIVED):
                raise ValueError(
                    f"head {name!r}: a name is letters, digits and _, not one of {MANIFEST_COLUMNS}, "
                    f"and does not end in {DERIVED}"
                )
        return self

    @model_validator(mode="after")
    def _selections_fit(self) -> Self:
        found, wanted = sorted(self.pseudo_labels.heads), sorted(self.distilled)
        if found != wanted:
            raise ValueError(f"pseudo_labels.heads has {found}; it must name every head once, but people: {wanted}")
        for key, selection in self.pseudo_labels.heads.items():
            selection.check(f"pseudo_labels.heads.{key}", self.distilled[key])
            if selection.targets == "hard" and self.student.pseudo_labels.temperature != 1:
                raise ValueError(f"student.pseudo_labels.temperature: pseudo_labels.heads.{key} has hard targets")
        if self.predictions.ensemble != "full":
            self.predictions.ensemble.check("predictions.ensemble", self.distilled, self.pseudo_labels.heads)
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
        raise DistilleryError("\n".join([f"{where} does not fit:", *describe(error.errors())])) from error
    if endless := list(not_finite(params.model_dump())):
        raise DistilleryError("\n".join([f"{where} does not fit:", *endless]))
    return params
