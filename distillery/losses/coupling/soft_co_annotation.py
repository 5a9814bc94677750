"""Soft co-annotation: elements that are labelled say how well each class fits (FBN)."""

import torch
from torch import Tensor


def soft_classes(marks: Tensor, known: Tensor, relatedness: Tensor, *, temperature: float) -> tuple[Tensor, Tensor]:
    """``q(a|x) = softmax_a(I(a|x) / tau)``, ``I(a|x) = sum_b r[a,b] y_b / sum_b r[a,b]`` (METHODS, FBN).

    Ours differs where the formula is 0 / 0: a class that no element is related to (neutral) fits by ``I = 1`` when all
    related elements are off, and 0 when any is on. An image counts when all elements that any class is related to are
    labelled. With soft labels y, off is ``prod_b (1 - y_b)``.

    Args:
        marks: float [images, elements].
        known: float [images, elements], 0 where the cell is empty.
        relatedness: float [classes, elements].
        temperature: tau; at 1 a perfect match reaches only 0.31 of seven classes.

    Returns:
        Distributions over the classes, float [images, classes], and weights, float [images]: the elements' least.
    """
    used = relatedness.sum(dim=0) > 0
    total = relatedness.sum(dim=1)
    fit = marks @ relatedness.T / total.clamp(min=torch.finfo(total.dtype).tiny)
    off = torch.where(used, 1 - marks, 1).prod(dim=1, keepdim=True)
    fit = torch.where(total > 0, fit, off)
    weights = torch.where(used, known, torch.inf).amin(dim=1)
    return (fit / temperature).softmax(dim=1), weights.nan_to_num(posinf=0.0)
