import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from distillery.heads import Heads
from distillery.training.weighting.dynamic import FLOOR, Dynamic, weight_loss
from distillery.training.weighting.naive_dynamic import NaiveDynamic, total_loss
from distillery.training.weighting.unit import WeightUnit


def test_both_losses_by_hand():
    weights, losses = torch.tensor([0.25, 0.75]), torch.tensor([0.49, 0.09])
    assert float(weight_loss(weights, losses)) == pytest.approx(0.25 / 0.5 + 0.75 / 0.1)
    assert float(total_loss(weights, losses)) == pytest.approx(0.25 * 0.49 + 0.75 * 0.09)


def _gradients(objective, losses: Tensor) -> tuple[Tensor, Tensor]:
    logits = torch.tensor([0.3, -0.2], requires_grad=True)
    weights = logits.softmax(dim=0)
    objective(weights, losses).backward()
    return logits.grad, weights.detach()


def test_dynamic_and_naive_weights_have_opposite_gradients():
    """METHODS, DYN: ``w1 w2 (1/L1 - 1/L2)`` against ``w1 w2 (L1 - L2)``; descent moves weight the other way round."""
    losses = torch.tensor([2.0, 0.5])
    found, weights = _gradients(weight_loss, losses)
    naive, _ = _gradients(total_loss, losses)
    product = weights.prod()
    assert found[0] == pytest.approx(float(product * (1 / (2.0 + FLOOR) - 1 / (0.5 + FLOOR))))
    assert naive[0] == pytest.approx(float(product * (2.0 - 0.5)))
    assert found[0] < 0 < naive[0]  # descent: more weight to the harder head, less to it


def test_equal_losses_move_no_weight():
    for objective in (weight_loss, total_loss):
        assert _gradients(objective, torch.tensor([0.7, 0.7]))[0].abs().max() < 1e-7


def test_the_unit_is_the_papers_formula(present: Tensor):
    torch.manual_seed(0)
    unit, features = WeightUnit(5, 3), torch.randn(4, 5)
    rows = []
    for row in features:
        logits = unit.linear.weight @ (row / row.norm()) + unit.linear.bias
        rows.append(logits.exp() / logits.exp().sum())
    assert torch.allclose(unit(features, present), torch.stack(rows).mean(dim=0), atol=1e-6)
    assert float(unit(features, present).detach().sum()) == pytest.approx(1)


def test_the_units_weights_do_not_depend_on_the_features_lengths(present: Tensor):
    torch.manual_seed(0)
    unit, features = WeightUnit(5, 3), torch.randn(4, 5)
    assert torch.allclose(unit(features, present), unit(features * torch.rand(4, 1) * 9, present), atol=1e-6)


def _moved(kind: type, heads: Heads, losses: Tensor, steps: int = 20) -> Tensor:
    torch.manual_seed(0)
    weighting = kind(heads, features=5)
    features, present = F.relu(torch.randn(16, 5)), torch.ones(3, dtype=torch.bool)
    first = weighting.weigh(present, features)
    weighting.finish(losses, present)
    for _ in range(steps):
        weighting.weigh(present, features)
        weighting.finish(losses, present)
    return weighting.weigh(present, features) - first


def test_dynamic_weights_flow_to_the_hard_head_and_naive_ones_to_the_easy_head(heads: Heads):
    losses = torch.tensor([2.0, 1.0, 0.2])
    assert _moved(Dynamic, heads, losses).argmax() == 0
    assert _moved(NaiveDynamic, heads, losses).argmax() == 2


def test_the_networks_loss_never_reaches_the_unit_nor_the_units_the_network(heads: Heads, present: Tensor):
    torch.manual_seed(0)
    weighting = Dynamic(heads, features=5)
    shared = torch.randn(8, 5, requires_grad=True)
    losses = torch.stack([shared.square().mean(), shared.abs().mean(), shared.mean().square()])
    weighting.backward(losses, present, shared, torch.zeros(()))
    assert weighting.unit.linear.weight.grad is None
    before, units = shared.grad.clone(), weighting.unit.linear.weight.clone()
    weighting.finish(losses.detach(), present)
    assert torch.equal(shared.grad, before)
    assert not torch.equal(weighting.unit.linear.weight, units)


def test_weights_average_one_over_the_heads_that_are_there(heads: Heads):
    weighting = Dynamic(heads, features=5)
    there = torch.tensor([True, False, True])
    found = weighting.weigh(there, torch.randn(8, 5))
    assert found[1] == 0
    assert float(found.sum()) == pytest.approx(2)
