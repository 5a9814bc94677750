"""The study's own parameters: variants of params.yaml, the seeds that each is trained with, and claims about them."""

import copy
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from distillery.errors import DistilleryError
from distillery.heads import Frozen
from distillery.params import TEACHER
from distillery.params.kinds import LARGEST, Count, FolderName
from distillery.params.mistakes import describe

HEAD = "{head}"
REPLACED = ("rounds", "splits")
LISTS_OF_HEADS = ("heads_only", "one_label_of")
Changes = dict[str, Any]
Seed = Annotated[int, Field(ge=0, le=LARGEST)]


class Claim(Frozen):
    """That one network is above another by more than ``-margin``, in the mean over heads and data sets.

    Attributes:
        text: what is claimed, and by whom.
        better: a variant, or with its round ``variant/r1``; ``{head}`` in it stands for each head's own.
        than: the same; or a number; or several, of which the one of least validation loss is meant.
        domains: whose data sets count: of the training's domains, or those that are pseudo-labelled.
        heads: those that count; none: all that both have.
        than_head: the head of ``than`` that is compared, where it is another.
        each: whether it says so of each head, not of their mean.
        baseline: count only how far each of the two falls below this one: negative transfer.
        halfway_to: compare with the middle between ``than`` and this one: whether half of a gap is closed.
    """

    text: str
    better: str
    than: float | str | Annotated[tuple[str, ...], Field(min_length=1)]
    domains: Literal["seen", "target"]
    heads: tuple[str, ...] = ()
    than_head: str | None = None
    each: bool = False
    baseline: str | None = None
    halfway_to: str | None = None
    margin: Annotated[float, Field(ge=0)] = 0.0

    @property
    def sides(self) -> tuple[str, ...]:
        """The networks that it names."""
        than = () if isinstance(self.than, float) else (self.than,) if isinstance(self.than, str) else self.than
        return (self.better, *than, *(name for name in (self.baseline, self.halfway_to) if name))


class Study(Frozen):
    """Attributes:
    seeds: of the training, for each variant.
    trained: the variants that are trained at all.
    base: changes to params.yaml that all variants share.
    variants: further changes; ``heads_only`` keeps some heads and what labels them, ``one_label_of`` leaves a training
        image the label of one of some heads.
    resamples: of people and seeds together, for the intervals.
    single: the networks against which transfer is measured; ``{head}`` stands for the head; None: it is not.
    claims: by short names.
    """

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    trained: Annotated[tuple[FolderName, ...], Field(min_length=1)]
    base: Changes
    variants: dict[FolderName, Changes]
    resamples: Count
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    single: str | None
    claims: dict[str, Claim]

    @model_validator(mode="after")
    def _lists_of_heads_are_names(self) -> Self:
        for name, changes in self.variants.items():
            for key in LISTS_OF_HEADS:
                found = changes.get(key, [""])
                if not isinstance(found, list) or not found or not all(isinstance(head, str) for head in found):
                    raise ValueError(f"variants.{name}.{key} is {found!r}; allowed: a list of heads")
        return self

    @model_validator(mode="after")
    def _names_are_variants(self) -> Self:
        if self.single and HEAD not in self.single:
            raise ValueError(f"single is {self.single!r}; it has to hold {HEAD}, which stands for each head")
        named = {"trained": self.trained, "single": (self.single,) if self.single else ()}
        named |= {f"claims.{key}": claim.sides for key, claim in self.claims.items()}
        for where, names in named.items():
            for name in names:
                if not self._is_network(name):
                    raise ValueError(f"{where} names {name!r}; allowed: {list(self.variants)}, with /r1 a round of it")
        return self

    def one_label_of(self, variant: str) -> tuple[str, ...]:
        """The heads of which a training image of a variant keeps one label; mostly none."""
        return tuple(self.variants[variant].get("one_label_of", ()))

    def _is_network(self, name: str) -> bool:
        """Whether a name, with anything for ``{head}``, is a variant's, or one of its rounds'."""
        variant, _, key = name.partition("/")
        before, _, after = variant.partition(HEAD)
        fits = [found for found in self.variants if found == variant]
        if HEAD in variant:
            fits = [found for found in self.variants if found.startswith(before) and found.endswith(after)]
        rounds = [self.variants[found].get("rounds", self.base.get("rounds", {})) for found in fits]
        return bool(fits) and (key in ("", TEACHER) or any(isinstance(each, dict) and key in each for each in rounds))


def validate_study(found: object, where: str) -> Study:
    """Turn what a YAML file held into a typed study.

    Raises:
        DistilleryError: a line for each mistake, naming its key, what was found and what is allowed.
    """
    try:
        return Study.model_validate(found)
    except ValidationError as error:
        raise DistilleryError("\n".join([f"{where} does not fit:", *describe(error.errors(), found)])) from error


def variant_params(params: Mapping[str, Any], study: Study, variant: str, seed: int) -> dict[str, Any]:
    """The pipeline's parameters as a variant and seed have them; the given ones stay as they are.

    Raises:
        DistilleryError: there is no such variant, or it names a head that there is not.
    """
    if variant not in study.variants:
        raise DistilleryError(f"no variant {variant!r}; allowed: {list(study.variants)}")
    changes = dict(study.variants[variant])
    lists = {key: changes.pop(key) for key in LISTS_OF_HEADS if key in changes}
    named = {"seed": seed, "report": {"title": f"{variant}, seed {seed}"}}
    found = merge(merge(merge(params, study.base), changes), named)
    try:
        for dataset in found["manifest"]["datasets"].values():
            dataset.pop("pairs", None)  # networks are compared by what all of them are measured by
        for key, named_heads in lists.items():
            if unknown := sorted(set(named_heads) - set(found["heads"])):
                raise DistilleryError(f"variants.{variant}.{key} names {unknown}; allowed: {list(found['heads'])}")
        return keep_heads(found, lists["heads_only"]) if "heads_only" in lists else found
    except (KeyError, TypeError, AttributeError):
        return found  # a section is no mapping: what checks the parameters says which


def merge(params: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with some changed, section by section; the given ones stay as they are.

    Rounds and splits are replaced: a variant has no round but its own, and shares of splits are of one whole.
    """
    merged = copy.deepcopy(dict(params))
    for key, value in changes.items():
        inner: Any = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        merged[key] = merge(inner, value) if both and key not in REPLACED else value
    return merged


def keep_heads(params: dict[str, Any], kept: list[str]) -> dict[str, Any]:
    """Some heads alone; the teacher draws no data set that labels none of them, and nothing couples what is gone."""
    for section in (params, params["pseudo_labels"]):
        section["heads"] = {name: head for name, head in section["heads"].items() if name in kept}
    params["promotion"]["groups"] = [name for name in params["promotion"]["groups"] if name in kept]
    if isinstance(ensemble := params["predictions"]["ensemble"], dict):
        ensemble["around"] = {name: value for name, value in ensemble["around"].items() if name in kept}
    for section in (params["teacher"], params["student"]):
        section["couplings"] = [
            each for each in section["couplings"] if {each["classes"], each["elements"]} <= set(kept)
        ]
    for name, dataset in params["manifest"]["datasets"].items():
        for key in ("heads", "rename"):
            dataset[key] = {head: value for head, value in dataset.get(key, {}).items() if head in kept}
        if not dataset["heads"]:
            params["teacher"]["mixing"].pop(name, None)
    return params
