"""Co-annotation: the labels of one head label the other one, where the relation leaves no doubt (FBN)."""

import torch
from torch import Tensor


def switch_on(labels: Tensor, weights: Tensor, relatedness: Tensor) -> tuple[Tensor, Tensor]:
    """A class label switches on every element related to it; its loss weighs as much as the relation.

    Args:
        labels: float [images, classes].
        weights: float [images], 0 where the classification cell is empty.
        relatedness: float [classes, elements].

    Returns:
        Labels and weights of the detection head, each float [images, elements]; weight 0 where nothing follows.
    """
    related = (labels * (weights > 0)[:, None]) @ relatedness
    return (related > 0).float(), related


def name_class(marks: Tensor, known: Tensor, relatedness: Tensor) -> tuple[Tensor, Tensor]:
    """Elements that contain all that are related to a class give that class; of several, the one with most elements.

    Args:
        marks: float [images, elements].
        known: float [images, elements], 0 where the detection cell is empty.
        relatedness: float [classes, elements]; a class without any is never given.

    Returns:
        Labels float [images, classes] and weights float [images] of the classification head.
    """
    needed = (relatedness > 0).float()
    shown = ((marks > 0.5) & (known > 0)).float() @ needed.T
    complete = (shown == needed.sum(dim=1)) & (needed.sum(dim=1) > 0)
    best = torch.where(complete, needed.sum(dim=1), 0).argmax(dim=1)
    return torch.eye(len(relatedness))[best], complete.any(dim=1).float()
