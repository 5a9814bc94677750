"""The audit of pseudo-labels: how many were kept, and how many of those are right where the truth is known."""

from collections.abc import Mapping

import torch
from torch import Tensor

from distillery.heads import Classification, Detection, Head, Regression, names
from distillery.quality import quality


def audit_kept(head: Head, values: Tensor, kept: Tensor, labels: Tensor, present: Tensor) -> dict[str, float]:
    """Precision of the kept pseudo-labels over cells whose truth is known, and of all predictions beside it.

    Args:
        head: for classification and detection the results are ``precision`` (share of the kept that is right),
            ``recall`` (share of the known that is kept and right) and ``confidence`` (mean of the kept); for regression
            ``mae``, in the head's units.
        values: float [images, names], the predictions.
        kept: float [images] (detection [images, elements]), the pseudo-labels' weights.
        labels: float [images, names], the truth.
        present: where the truth is known, shaped as ``kept``.
    """
    good = quality(head, values, labels)
    known = present > 0
    chosen = known & (kept > 0)
    what = "mae" if isinstance(head, Regression) else "precision"
    found = {
        what: float(good[chosen].mean()),
        f"{what}_without_selection": float(good[known].mean()),
        "yield": float(chosen.sum() / known.sum()),
        "audited": float(chosen.sum()),
    }
    match head:
        case Classification():
            found["confidence"] = float(values.amax(dim=1)[chosen].mean())
        case Detection():
            found["confidence"] = float(torch.maximum(values, 1 - values)[chosen].mean())
        case Regression():
            return found
    return found | {"recall": float(good[chosen].sum() / known.sum())}


def audit_negative(negative: Tensor, labels: Tensor, present: Tensor) -> dict[str, float]:
    """How many of the negative labels are right: none of a kept cell, none of a cell whose truth is not known.

    Args:
        negative: bool [images, classes], classes that an image is taken not to be of.
        labels: float [images, classes], the truth.
        present: where it is known, [images].

    Returns:
        ``negative_precision``, ``negative_yield`` (classes a known cell); nothing without any.
    """
    known = negative & (present > 0)[:, None]
    if not known.any():
        return {}
    right = labels[known] == 0
    return {
        "negative_precision": float(right.float().mean()),
        "negative_yield": float(known.sum() / (present > 0).sum()),
    }


def audit_groups(
    head: Head, values: Tensor, kept: Tensor, labels: Tensor, present: Tensor, members: Mapping[str, Tensor]
) -> dict[str, float]:
    """The same of some images at a time: ``<group>/<metric>``; a group without a known cell is left out.

    Args:
        members: by group, whether an image belongs to it, bool [images].
    """
    found: dict[str, float] = {}
    for group, inside in members.items():
        if bool((present[inside] > 0).any()):
            measured = audit_kept(head, values[inside], kept[inside], labels[inside], present[inside])
            found |= {f"{group}/{metric}": measured[metric] for metric in _shown(head)}
    return found


def audit_classes(head: Head, values: Tensor, kept: Tensor, labels: Tensor, present: Tensor) -> dict[str, float]:
    """The same class by class, or element by element: ``<class>/<metric>``; nothing of numbers.

    Of a class the precision is of what was taken for it, ``audited`` of them, recall and yield are of what it truly is.
    """
    if isinstance(head, Regression):
        return {}
    found: dict[str, float] = {}
    right, kept_cells = quality(head, values, labels) > 0, (present > 0) & (kept > 0)
    for number, name in enumerate(names(head)):
        if isinstance(head, Classification):
            known, chosen = (labels.argmax(dim=1) == number) & (present > 0), kept_cells
            taken = chosen & (values.argmax(dim=1) == number)
            precision, recall = known[taken], taken[known]
        else:
            known, taken = present[:, number] > 0, kept_cells[:, number]
            chosen, good = taken, right[:, number]
            precision, recall = good[taken], (good & taken)[known]
        if known.any() or taken.any():
            found[f"{name}/precision"] = float(precision.float().mean())
            found[f"{name}/recall"] = float(recall.float().mean())
            found[f"{name}/yield"] = float(chosen[known].float().mean())
            found[f"{name}/audited"] = float(taken.sum())
    return found


def _shown(head: Head) -> tuple[str, ...]:
    quality_of = ("mae",) if isinstance(head, Regression) else ("precision", "recall")
    return (*quality_of, "yield", "audited")
