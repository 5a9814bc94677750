import pytest
import torch
from torch import Tensor

from distillery.metrics.classification import score_classes

PROBABILITIES = torch.rand(60, 4, generator=torch.Generator().manual_seed(0)).softmax(dim=1)


def _score(probabilities: Tensor, labels: Tensor) -> dict[str, float]:
    return score_classes(probabilities, labels, torch.isin(torch.arange(probabilities.shape[1]), labels))


def _naive(decided: list[int], labels: list[int], classes: int) -> dict[str, float]:
    recalls, f1s = [], []
    for c in range(classes):
        right = sum(d == y == c for d, y in zip(decided, labels, strict=True))
        if c in labels:
            recalls.append(right / labels.count(c))
            f1s.append(2 * right / (labels.count(c) + decided.count(c)))
    hits = sum(d == y for d, y in zip(decided, labels, strict=True))
    mean = {"balanced_accuracy": sum(recalls) / len(recalls), "f1_macro": sum(f1s) / len(f1s)}
    return {"accuracy": hits / len(labels), **mean}


def _labels(classes: int, seed: int = 1) -> Tensor:
    return torch.randint(0, classes, (60,), generator=torch.Generator().manual_seed(seed))


def test_all_classes_against_naive_formulas():
    labels = _labels(4)
    found = _score(PROBABILITIES, labels)
    assert found == pytest.approx(_naive(PROBABILITIES.argmax(dim=1).tolist(), labels.tolist(), 4), rel=1e-5)


def test_means_are_over_the_classes_that_occur():
    labels = _labels(2)
    found = _score(PROBABILITIES, labels)
    naive = _naive(PROBABILITIES.argmax(dim=1).tolist(), labels.tolist(), 4)
    among = _naive(PROBABILITIES[:, :2].argmax(dim=1).tolist(), labels.tolist(), 4)["balanced_accuracy"]
    assert found == pytest.approx({**naive, "balanced_accuracy_among": among}, rel=1e-5)
    assert among > naive["balanced_accuracy"]


def test_always_the_commonest_is_worth_no_more_than_chance():
    labels = torch.tensor([0] * 9 + [1])
    found = _score(torch.tensor([[0.9, 0.1]]).expand(10, 2), labels)
    assert found["accuracy"] == pytest.approx(0.9)
    assert found["balanced_accuracy"] == pytest.approx(0.5)


def test_perfect_is_one():
    labels = _labels(4)
    assert set(_score(torch.eye(4)[labels], labels).values()) == {1.0}
