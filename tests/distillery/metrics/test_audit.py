import math

import pytest
import torch

from distillery.heads import Heads
from distillery.metrics.audit import audit_kept


def test_precision_of_what_was_kept_where_the_truth_is_known(heads: Heads):
    values = torch.eye(3)[[0, 1, 2, 0, 1]]
    labels = torch.eye(3)[[0, 1, 0, 1, 1]]
    kept, present = torch.tensor([1.0, 0.5, 1.0, 0.0, 1.0]), torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0])
    found = audit_kept(heads["mood"], values, kept, labels, present)
    wanted = {"precision": 2 / 3, "precision_without_selection": 2 / 4, "yield": 3 / 4, "audited": 3}
    assert found == pytest.approx(wanted)


def test_elements_are_audited_one_by_one(heads: Heads):
    values = torch.tensor([[0.9, 0.2, 0.6], [0.5, 0.4, 0.1]])
    labels = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    kept = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    present = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    found = audit_kept(heads["units"], values, kept, labels, present)
    assert found == pytest.approx(
        {"precision": 2 / 3, "precision_without_selection": 3 / 5, "yield": 3 / 5, "audited": 3}
    )


def test_numbers_are_audited_by_their_error(heads: Heads):
    values, labels = torch.tensor([[0.5, 0.1], [0.0, 0.0]]), torch.tensor([[0.3, 0.1], [1.0, 1.0]])
    found = audit_kept(heads["place"], values, torch.tensor([1.0, 0.0]), labels, torch.ones(2))
    assert found == pytest.approx({"mae": 0.1, "mae_without_selection": 0.55, "yield": 0.5, "audited": 1})


def test_with_nothing_kept_precision_has_no_answer(heads: Heads):
    found = audit_kept(heads["mood"], torch.eye(3), torch.zeros(3), torch.eye(3), torch.ones(3))
    assert math.isnan(found["precision"])
    assert (found["yield"], found["audited"]) == (0, 0)
