import pytest
import torch

from distillery.heads import Classification, Detection, Regression
from distillery.losses import head_loss
from distillery.losses.scale import loss_scale


@pytest.mark.parametrize(
    "head",
    [
        Classification(kind="classification", classes=("a", "b", "c")),
        Detection(kind="detection", elements=("x", "y")),
    ],
    ids=["classification", "detection"],
)
def test_it_is_the_loss_of_logits_that_say_nothing(head):
    width = 3 if isinstance(head, Classification) else 2
    labels = torch.eye(width)[:2]
    weights = torch.ones(2) if isinstance(head, Classification) else torch.ones(2, width)
    found = head_loss(head, torch.zeros(2, width), labels, weights, smoothing=0.1)
    assert float(found) == pytest.approx(loss_scale(head))


@pytest.mark.parametrize(("bins", "outputs"), [(None, 1), (21, 21)])
def test_a_regression_that_says_the_middle_costs_about_its_scale(bins: int | None, outputs: int):
    head = Regression(kind="regression", outputs=("years",), range=(0, 100), bins=bins)
    labels = torch.linspace(0, 100, 101)[:, None]
    found = head_loss(head, torch.full((101, outputs), 0.5), labels, torch.ones(101), smoothing=0)
    assert float(found) == pytest.approx(loss_scale(head), rel=0.12)
