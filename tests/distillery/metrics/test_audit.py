import math

import pytest
import torch

from distillery.heads import Heads
from distillery.metrics.audit import audit_classes, audit_groups, audit_kept, audit_negative


def test_precision_of_what_was_kept_where_the_truth_is_known(heads: Heads):
    values = torch.eye(3)[[0, 1, 2, 0, 1]]
    labels = torch.eye(3)[[0, 1, 0, 1, 1]]
    kept, present = torch.tensor([1.0, 0.5, 1.0, 0.0, 1.0]), torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0])
    found = audit_kept(heads["mood"], values, kept, labels, present)
    wanted = {"precision": 2 / 3, "precision_without_selection": 2 / 4, "yield": 3 / 4, "audited": 3}
    assert found == pytest.approx(wanted | {"confidence": 1, "recall": 2 / 4})


def test_negative_labels_are_right_where_the_truth_is_another_class():
    labels, present = torch.eye(3)[[0, 1, 2, 0]], torch.tensor([1.0, 1.0, 0.0, 1.0])
    negative = torch.tensor([[False, True, True], [False, True, False], [True, True, True], [False, False, False]])
    found = audit_negative(negative, labels, present)
    assert found == pytest.approx({"negative_precision": 2 / 3, "negative_yield": 1})
    assert audit_negative(torch.zeros(4, 3, dtype=torch.bool), labels, present) == {}


def test_elements_are_audited_one_by_one(heads: Heads):
    values = torch.tensor([[0.9, 0.2, 0.6], [0.5, 0.4, 0.1]])
    labels = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    kept = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    present = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    found = audit_kept(heads["units"], values, kept, labels, present)
    assert found == pytest.approx(
        {"precision": 2 / 3, "precision_without_selection": 3 / 5, "yield": 3 / 5, "audited": 3}
        | {"confidence": (0.9 + 0.5 + 0.6) / 3, "recall": 2 / 5}
    )


def test_numbers_are_audited_by_their_error(heads: Heads):
    values, labels = torch.tensor([[0.5, 0.1], [0.0, 0.0]]), torch.tensor([[0.3, 0.1], [1.0, 1.0]])
    found = audit_kept(heads["place"], values, torch.tensor([1.0, 0.0]), labels, torch.ones(2))
    assert found == pytest.approx({"mae": 0.1, "mae_without_selection": 0.55, "yield": 0.5, "audited": 1})


def test_with_nothing_kept_precision_has_no_answer(heads: Heads):
    found = audit_kept(heads["mood"], torch.eye(3), torch.zeros(3), torch.eye(3), torch.ones(3))
    assert math.isnan(found["precision"])
    assert (found["yield"], found["audited"]) == (0, 0)


def test_a_class_is_judged_by_what_it_is_and_by_what_was_taken_for_it(heads: Heads):
    values = torch.eye(3)[[0, 0, 1, 1, 2, 0]]
    labels = torch.eye(3)[[0, 1, 1, 0, 1, 0]]
    kept, present = torch.tensor([1.0, 1, 1, 0, 1, 1]), torch.tensor([1.0, 1, 1, 1, 1, 0])
    found = audit_classes(heads["mood"], values, kept, labels, present)
    assert found == pytest.approx(
        {"calm/precision": 1 / 2, "calm/recall": 1 / 2, "calm/yield": 1 / 2, "calm/audited": 2}
        | {"glad/precision": 1, "glad/recall": 1 / 3, "glad/yield": 1, "glad/audited": 1}
        | {"sad/precision": 0, "sad/recall": math.nan, "sad/yield": math.nan, "sad/audited": 1},
        nan_ok=True,
    ), "nobody is sad, but one was taken for it; whose truth is not known is not counted"


def test_elements_are_classes_of_their_own(heads: Heads):
    values = torch.tensor([[0.9, 0.2, 0.6], [0.5, 0.4, 0.1]])
    labels = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    kept = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    present = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    found = audit_classes(heads["units"], values, kept, labels, present)
    assert found == pytest.approx(
        {"left/precision": 1 / 2, "left/recall": 1 / 2, "left/yield": 1, "left/audited": 2}
        | {"middle/precision": 1, "middle/recall": 1 / 2, "middle/yield": 1 / 2, "middle/audited": 1}
    )
    assert audit_classes(heads["place"], values[:, :2], torch.ones(2), labels[:, :2], torch.ones(2)) == {}


def test_a_group_is_audited_as_if_it_were_alone(heads: Heads):
    values, labels = torch.eye(3)[[0, 1, 2, 0]], torch.eye(3)[[0, 0, 2, 0]]
    kept, present = torch.tensor([1.0, 1.0, 0.0, 1.0]), torch.tensor([1.0, 1.0, 1.0, 0.0])
    members = {"old": torch.tensor([True, False, True, False]), "young": torch.tensor([False, True, False, False])}
    members["unknown"] = torch.tensor([False, False, False, True])
    found = audit_groups(heads["mood"], values, kept, labels, present, members)
    assert found == pytest.approx(
        {"old/precision": 1, "old/recall": 1 / 2, "old/yield": 1 / 2, "old/audited": 1}
        | {"young/precision": 0, "young/recall": 0, "young/yield": 1, "young/audited": 1}
    )
