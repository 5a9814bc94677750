"""Whether the sections of params.yaml fit each other: every mistake at once, for one follows from another."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from distillery.heads import Classification, Compound, Identification
from distillery.params.compounds import check_compound

if TYPE_CHECKING:
    from distillery.params import Params

MANIFEST_COLUMNS = ("image", "path", "dataset", "domain", "split", "identity", "status", "views")
DERIVED = ("_std", "_agreement", "_variance", "_soft", "_hard", "_weight", "_confidence", "_reason", "_negative")


def disagreements(params: "Params") -> Iterator[str]:
    """A line for each, with its key, what was found and what is allowed."""
    yield from _names(params)
    yield from _rounds(params)
    yield from _learning(params)
    yield from _data_sets(params)
    yield from _forbidden(params)
    for check in _checks(params):
        try:
            check()
        except ValueError as error:
            yield str(error)


def _names(params: "Params") -> Iterator[str]:
    for name in params.heads:
        if not name.isidentifier() or name in MANIFEST_COLUMNS or name.endswith(DERIVED):
            yield (
                f"heads.{name}: a name is letters, digits and _, not one of {MANIFEST_COLUMNS}, "
                f"and does not end in {DERIVED}"
            )
    sets, heads = list(params.manifest.datasets), list(params.heads)
    named = {
        "teacher.mixing": (params.teacher.mixing, sets),
        "student.mixing": (params.student.mixing, [*sets, "pseudo_labelled"]),
        "promotion.groups": (params.promotion.groups, heads),
        "tracking.licences": (params.tracking.licences, sets),
        "pseudo_labels.heads": (params.pseudo_labels.heads, list(params.distilled)),
    }
    for key, dataset in params.manifest.datasets.items():
        named[f"manifest.datasets.{key}.heads"] = (dataset.heads, heads)
        named[f"manifest.datasets.{key}.rename"] = (dataset.rename, heads)
    for where, (found, allowed) in named.items():
        if unknown := sorted(set(found) - set(allowed)):
            yield f"{where} names {unknown}; allowed: {sorted(allowed)}"
    if missing := sorted(set(params.distilled) - set(params.pseudo_labels.heads)):
        yield f"pseudo_labels.heads lacks {missing}; it names every head but those of people and of compounds"


def _rounds(params: "Params") -> Iterator[str]:
    known = [teacher] = params.models[:1]
    for key, item in params.rounds.items():
        if key == teacher:
            yield f"rounds: {teacher} is the teacher itself; name the first round r1"
        if item.teacher not in known:
            yield f"rounds.{key}.teacher is {item.teacher!r}; allowed: {known}"
        known.append(key)


def _learning(params: "Params") -> Iterator[str]:
    for where, mixing in (("teacher", params.teacher.mixing), ("student", params.student.mixing)):
        if not sum(mixing.values()):
            yield f"{where}.mixing: every proportion is 0"
    for key, selection in params.pseudo_labels.heads.items():
        if selection.targets == "hard" and params.student.pseudo_labels.temperature != 1:
            yield f"student.pseudo_labels.temperature: pseudo_labels.heads.{key} has hard targets"


def _data_sets(params: "Params") -> Iterator[str]:
    labelled: set[str] = set()
    for key, dataset in params.manifest.datasets.items():
        where = f"manifest.datasets.{key}"
        people = [head for head in dataset.heads if isinstance(params.heads.get(head), Identification)]
        for head in dataset.rename:
            if head in params.heads and not isinstance(params.heads[head], Classification):
                yield f"{where}.rename.{head}: only the classes of a classification head are renamed"
        if dataset.identity is not None and dataset.adapter != "table":
            yield f"{where}.identity is a column of a table; the adapter '{dataset.adapter}' has none"
        if people and dataset.adapter == "table" and not dataset.identity:
            yield f"{where}.identity is missing, and heads.{people[0]} learns people: the splits would cut them"
        if dataset.pairs and not people:
            yield f"{where}.pairs is {dataset.pairs!r}, but it labels no identification head to verify"
        if params.teacher.mixing.get(key, 0) > 0 and any("train" in shares for shares in dataset.splits.values()):
            labelled |= set(dataset.heads)
    if orphans := [head for head in params.learnt if head not in labelled]:
        yield f"no data set with a train split labels the head {orphans}, or teacher.mixing draws none"


def _forbidden(params: "Params") -> Iterator[str]:
    training, inference = ("teacher", "student"), ("views", "predictions", "evaluation")
    used = {f"{key}.augmentation": getattr(params, key).augmentation.kinds() for key in training}
    used |= {f"{key}.views": {view.kind for view in getattr(params, key).views} for key in inference}
    for where, kinds in used.items():
        for name, head in params.heads.items():
            if banned := sorted(head.forbids & kinds):
                yield f"{where} uses {banned}, which heads.{name}.forbids; remove them (strength 0)"


def _checks(params: "Params") -> Iterator[Callable[[], None]]:
    """What sections know of themselves; each raises ValueError."""
    for name, head in params.heads.items():
        if isinstance(head, Compound):
            yield partial(check_compound, f"heads.{name}", head, params.heads)
    for where, section in (("teacher", params.teacher), ("student", params.student)):
        for place, coupling in enumerate(section.couplings):
            yield partial(coupling.check, f"{where}.couplings.{place}", params.heads)
    for key, selection in params.pseudo_labels.heads.items():
        if key in params.distilled:
            yield partial(selection.check, f"pseudo_labels.heads.{key}", params.distilled[key])
    if params.predictions.ensemble != "full" and set(params.pseudo_labels.heads) == set(params.distilled):
        ensemble = params.predictions.ensemble
        yield partial(ensemble.check, "predictions.ensemble", params.distilled, params.pseudo_labels.heads)
