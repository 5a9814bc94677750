"""Relatedness of a classification head and a detection head: a matrix r[class, element] in 0..1."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from distillery.errors import DistilleryError


def declared(table: Mapping[str, Mapping[str, float]], classes: Sequence[str], elements: Sequence[str]) -> Tensor:
    """The matrix that a table says; what it does not name is 0: float [classes, elements].

    Raises:
        DistilleryError: the table names a class or an element that the heads lack.
    """
    found = torch.zeros(len(classes), len(elements))
    for name, related in table.items():
        if name not in classes:
            raise DistilleryError(f"relatedness names the class {name!r}; allowed: {list(classes)}")
        for element, share in related.items():
            if element not in elements:
                raise DistilleryError(f"relatedness of {name!r} names {element!r}; allowed: {list(elements)}")
            found[list(classes).index(name), list(elements).index(element)] = share
    return found


def empirical(labels: Tensor, weights: Tensor, marks: Tensor, known: Tensor, classes: Sequence[str]) -> Tensor:
    """How often an element is there in images of a class, of those that carry both labels (METHODS, FBN).

    Args:
        labels: float [images, classes], the classification head's labels.
        weights: float [images], 0 where its cell is empty.
        marks: float [images, elements], the detection head's labels.
        known: float [images, elements], 0 where its cell is empty.
        classes: for the message.

    Raises:
        DistilleryError: no image of some class carries a label of some element.
    """
    member = labels * (weights > 0)[:, None]
    counted = member.T @ (known > 0).float()
    if (counted == 0).any():
        lonely = [name for name, empty in zip(classes, (counted == 0).any(dim=1).tolist(), strict=True) if empty]
        raise DistilleryError(
            f"relatedness: empirical has no training image that carries both labels for {lonely}; "
            "label some for both heads, or declare the relatedness as a table"
        )
    return member.T @ (marks * (known > 0)) / counted
