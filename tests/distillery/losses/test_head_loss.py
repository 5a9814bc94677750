import pytest
import torch
from torch import Tensor

from distillery.heads import Detection, Heads
from distillery.losses import head_loss
from distillery.networks.multihead import outputs

KINDS = ["mood", "units", "years", "place"]


def _batch(heads: Heads, name: str, count: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    head, generator = heads[name], torch.Generator().manual_seed(0)
    width = {"mood": 3, "units": 3, "years": 1, "place": 2}[name]
    labels = torch.rand(count, width, generator=generator)
    labels = labels / labels.sum(dim=1, keepdim=True) if name == "mood" else labels
    weights = torch.ones(count, 3) if isinstance(head, Detection) else torch.ones(count)
    return torch.randn(count, outputs(head), generator=generator).requires_grad_(), labels, weights


@pytest.mark.parametrize("name", KINDS)
def test_without_a_labelled_cell_it_is_zero_with_zero_gradient(heads: Heads, name: str):
    logits, labels, weights = _batch(heads, name)
    loss = head_loss(heads[name], logits, labels, weights * 0, smoothing=0.1)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("name", KINDS)
def test_an_empty_row_has_no_gradient_and_no_say_in_that_of_the_others(heads: Heads, name: str):
    logits, labels, weights = _batch(heads, name)
    weights[2] = 0
    head_loss(heads[name], logits, labels, weights, smoothing=0.1).backward()
    assert logits.grad[2].abs().max() == 0
    assert logits.grad[[0, 1, 3, 4, 5]].abs().amax(dim=1).min() > 0
    kept = [0, 1, 3, 4, 5]
    alone = logits.detach()[kept].requires_grad_()
    head_loss(heads[name], alone, labels[kept], weights[kept], smoothing=0.1).backward()
    assert torch.allclose(alone.grad, logits.grad[kept], atol=1e-7)


@pytest.mark.parametrize("name", KINDS)
def test_images_may_come_in_any_order(heads: Heads, name: str):
    logits, labels, weights = _batch(heads, name)
    order = torch.tensor([3, 1, 5, 0, 4, 2])
    plain = head_loss(heads[name], logits, labels, weights, smoothing=0.1)
    mixed = head_loss(heads[name], logits[order], labels[order], weights[order], smoothing=0.1)
    assert plain.item() == pytest.approx(mixed.item(), rel=1e-5)
    assert plain.item() > 0


def test_an_empty_element_costs_nothing(heads: Heads):
    logits, labels, weights = _batch(heads, "units")
    weights[:, 1] = 0
    head_loss(heads["units"], logits, labels, weights, smoothing=0.0).backward()
    assert logits.grad[:, 1].abs().max() == 0
    assert logits.grad[:, [0, 2]].abs().min() > 0


def test_only_classification_is_smoothed(heads: Heads):
    for name in KINDS:
        batch = _batch(heads, name)
        changed = head_loss(heads[name], *batch, smoothing=0.3) != head_loss(heads[name], *batch, smoothing=0.0)
        assert changed == (name == "mood")
