"""Accuracy, balanced accuracy and macro F1 of one class of several."""

import math

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_f1_score, multiclass_recall

from distillery.metrics.names import AMONG


def score_classes(probabilities: Tensor, labels: Tensor, occurring: Tensor) -> dict[str, float]:
    """Metrics over images, float [images, classes] against int64 [images].

    Means over classes are over those that occur, bool [classes], and not a number if one of them has no image here.
    Where some do not, but two do, ``balanced_accuracy_among`` decides by the larger probability among those, as LFW's
    happy against neutral is measured.
    """
    classes = probabilities.shape[1]
    lost = bool((occurring & (labels.bincount(minlength=classes) == 0)).any())
    decided = probabilities.argmax(dim=1)

    def mean(per_class: Tensor) -> float:
        return math.nan if lost else float(per_class[occurring].mean())

    def balanced(decisions: Tensor) -> float:
        return mean(multiclass_recall(decisions, labels, classes, average=None))

    found = {
        "accuracy": float(multiclass_accuracy(decided, labels, classes, average="micro")),
        "balanced_accuracy": balanced(decided),
        "f1_macro": mean(multiclass_f1_score(decided, labels, classes, average=None)),
    }
    if 1 < occurring.sum() < classes:
        among = torch.where(occurring, probabilities, -1.0).argmax(dim=1)
        found[AMONG] = balanced(among)
    return found
