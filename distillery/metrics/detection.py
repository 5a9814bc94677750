"""F1 of each element and their mean."""

import math

import torch
from torch import Tensor
from torchmetrics.functional.classification import multilabel_f1_score

EMPTY = -1


def score_elements(
    probabilities: Tensor, labels: Tensor, elements: tuple[str, ...], occurring: Tensor
) -> dict[str, float]:
    """Metrics over images, float [images, elements] against int64 of 0, 1 and -1 for an empty cell.

    F1 is of the elements that occur, bool [elements]: it is undefined without an occurrence, and not a number where one
    of them has none here. So is their mean.
    """
    decided = (probabilities >= 0.5).long()
    f1 = multilabel_f1_score(decided, labels, len(elements), average=None, ignore_index=EMPTY)
    f1 = torch.where((labels == 1).any(dim=0), f1, math.nan)
    found = {f"f1_{name}": float(f1[index]) for index, name in enumerate(elements) if occurring[index]}
    known = labels != EMPTY
    right = (decided == labels) & known
    return {"f1_macro": float(f1[occurring].mean()), "accuracy": float(right.sum() / known.sum()), **found}
