"""What metrics are called, and which stands for a head; torchmetrics, which takes seconds to import, is not here."""

from collections.abc import Collection, Mapping

from distillery.heads import AnyHead

WHOLE = "whole"  # the group of all images
AMONG = "balanced_accuracy_among"
PRIMARY: Mapping[str, str] = {
    "classification": "balanced_accuracy",
    "detection": "f1_macro",
    "regression": "ccc",
    "identification": "auc",
    "compound": "balanced_accuracy",
}


def primary_metric(head: AnyHead, metrics: Collection[str]) -> str:
    """Which of the metrics of a data set stands for a head: of classes, among those that occur, where some do not."""
    return AMONG if AMONG in metrics else PRIMARY[head.kind]


def higher_is_better(metric: str) -> bool:
    """Whether more is better: only errors are better small."""
    return not metric.startswith("mae")
