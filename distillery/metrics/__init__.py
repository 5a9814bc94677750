"""What is reported: torchmetrics by kind of head, each with a bootstrap interval over people."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from distillery.heads import AnyHead, Classification, Compound, Detection, Identification
from distillery.metrics.classification import AMONG, score_classes
from distillery.metrics.detection import score_elements
from distillery.metrics.identification import score_identities
from distillery.metrics.regression import score_numbers

__all__ = ["AMONG", "PRIMARY", "higher_is_better", "primary_metric", "score"]

WHOLE = "whole"  # the group of all images
PRIMARY: Mapping[str, str] = {
    "classification": "balanced_accuracy",
    "detection": "f1_macro",
    "regression": "ccc",
    "identification": "auc",
    "compound": "balanced_accuracy",
}


def score(head: AnyHead, values: Tensor, labels: Tensor, present: Tensor) -> dict[str, float]:
    """Every metric of one head over its labelled cells.

    Args:
        head: says which metrics they are.
        values: float [images, names]: probabilities, numbers in the head's units, or directions.
        labels: float [images, names], as ``images.cells`` makes them.
        present: float [images] (detection: [images, elements]); 0 for an empty cell.
    """
    match head:
        case Classification() | Compound():
            rows = present > 0
            return score_classes(values[rows], labels[rows].argmax(dim=1))
        case Identification():
            rows = present > 0
            return score_identities(values[rows], labels[rows, 0].long())
        case Detection():
            return score_elements(values, torch.where(present > 0, labels, -1).long(), head.elements)
        case _:
            rows = present > 0
            return score_numbers(values[rows], labels[rows], head.outputs)


def primary_metric(head: AnyHead, metrics: Collection[str]) -> str:
    """Which of the metrics of a data set stands for a head: of classes, among those that occur, where some do not."""
    return AMONG if AMONG in metrics else PRIMARY[head.kind]


def higher_is_better(metric: str) -> bool:
    """Whether more is better: only errors are better small."""
    return not metric.startswith("mae")
