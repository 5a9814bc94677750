import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics.functional import concordance_corrcoef

from distillery.heads import Regression
from distillery.losses import head_loss
from distillery.losses.concordance import concordance_loss
from distillery.losses.scale import loss_scale

AFFECT = Regression(kind="regression", outputs=("valence", "arousal"), range=(-1, 1), loss="ccc")
BINS = Regression(kind="regression", outputs=("valence", "arousal"), range=(-1, 1), bins=9, loss="ccc")


def _given(count: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, labels and weights; every third cell is empty."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.rand(count, 2, generator=generator) * 2 - 1
    logits = (labels + 1) / 2 * 0.6 + 0.3 * torch.rand(count, 2, generator=generator)
    return logits, labels, (torch.arange(count) % 3 > 0).float()


def test_the_formula_written_naively():
    logits, labels, weights = _given()
    rows = weights.numpy() > 0
    found = []
    for output in range(2):
        x, y = logits[:, output].numpy()[rows] * 2 - 1, labels[:, output].numpy()[rows]
        found.append(2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))
    assert concordance_loss(AFFECT, logits, labels, weights).item() == pytest.approx(1 - np.mean(found), abs=1e-5)


def test_against_an_independent_implementation():
    """torchmetrics divides by n - 1: the same where the means agree."""
    logits, labels, _ = _given(4000)
    values = logits - logits.mean(dim=0) + (labels.mean(dim=0) + 1) / 2
    wanted = concordance_corrcoef(values * 2 - 1, labels).mean()
    assert concordance_loss(AFFECT, values, labels, torch.ones(4000)).item() == pytest.approx(
        1 - float(wanted), abs=1e-4
    )


def test_its_limits():
    _, labels, _ = _given()
    ones, unit = torch.ones(12), (labels + 1) / 2
    assert concordance_loss(AFFECT, unit, labels, ones).item() == pytest.approx(0, abs=1e-5)
    centred = unit.mean(dim=0) * 2 - unit
    assert concordance_loss(AFFECT, centred, labels, ones).item() == pytest.approx(2, abs=1e-4)
    assert concordance_loss(AFFECT, torch.full((12, 2), 0.5), labels, ones).item() == pytest.approx(loss_scale(AFFECT))
    assert concordance_loss(AFFECT, unit, labels, ones * 0) == 0


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_labels_leave_it_and_its_gradient_finite(count: int):
    logits, labels, _ = _given()
    logits.requires_grad_()
    loss = head_loss(AFFECT, logits, labels, (torch.arange(12) < count).float(), smoothing=0)
    loss.backward()
    assert loss.item() == pytest.approx(float(count), abs=1e-6)
    assert logits.grad.isfinite().all()


def test_empty_cells_have_no_part_in_it():
    logits, labels, weights = _given()
    other = torch.where(weights[:, None] > 0, labels, 7.0)
    odd = torch.where(weights[:, None] > 0, logits, torch.nan).requires_grad_()
    loss = concordance_loss(AFFECT, odd, other, weights)
    loss.backward()
    assert loss.item() == pytest.approx(concordance_loss(AFFECT, logits, labels, weights).item())
    assert odd.grad[weights == 0].abs().max() == 0


def test_a_distribution_over_bins_counts_by_its_expectation():
    _, labels, _ = _given()
    sure = torch.full((12, 2, 9), -60.0)
    place = ((labels + 1) / 2 * 8).round().long()
    sure.scatter_(2, place[..., None], 60.0)
    found = concordance_loss(BINS, sure.flatten(1), labels, torch.ones(12))
    assert found.item() == pytest.approx(concordance_loss(AFFECT, place / 8, labels, torch.ones(12)).item(), abs=1e-5)


def test_parts_of_a_batch_count_by_their_shares():
    logits, labels, _ = _given()
    total = torch.tensor(12.0)
    parts = [
        head_loss(AFFECT, logits[rows], labels[rows], torch.ones(len(labels[rows])), smoothing=0, total=total)
        for rows in (slice(0, 3), slice(3, 12))
    ]
    alone = [
        concordance_loss(AFFECT, logits[rows], labels[rows], torch.ones(len(labels[rows])))
        for rows in (slice(0, 3), slice(3, 12))
    ]
    assert float(sum(parts)) == pytest.approx(float(alone[0] * 3 / 12 + alone[1] * 9 / 12))
