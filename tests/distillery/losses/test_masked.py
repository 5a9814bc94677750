import pytest
import torch

from distillery.losses.masked import masked_mean


def test_a_value_by_hand():
    cells, weights = torch.tensor([1.0, 5.0, 3.0, 7.0]), torch.tensor([1.0, 0.0, 0.5, 1.0])
    assert masked_mean(cells, weights).item() == pytest.approx((1 + 1.5 + 7) / 2.5)


def test_it_is_the_naive_formula():
    cells, weights = torch.rand(6, 3), torch.rand(6, 3).round()
    total = sum(float(c * w) for c, w in zip(cells.flatten(), weights.flatten(), strict=True))
    assert masked_mean(cells, weights).item() == pytest.approx(total / max(1.0, float(weights.sum())), rel=1e-5)


def test_a_lone_weak_cell_counts_by_its_weight_and_nothing_at_all_is_zero():
    assert masked_mean(torch.tensor([4.0, 9.0]), torch.tensor([0.25, 0.0])).item() == 1
    assert masked_mean(torch.tensor([4.0, 9.0]), torch.zeros(2)).item() == 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_an_empty_cell_has_neither_value_nor_gradient_whatever_its_loss(bad: float):
    cells = torch.tensor([bad, 2.0, bad], requires_grad=True)
    loss = masked_mean(cells, torch.tensor([0.0, 1.0, 0.0]))
    loss.backward()
    assert loss.item() == 2
    assert cells.grad.tolist() == [0, 1, 0]


def test_empty_cells_change_no_mean():
    cells, weights = torch.rand(5), torch.ones(5)
    padded = masked_mean(torch.cat([cells, torch.rand(9)]), torch.cat([weights, torch.zeros(9)]))
    assert padded.item() == pytest.approx(masked_mean(cells, weights).item(), rel=1e-6)


def test_parts_divided_by_the_total_of_all_sum_to_the_whole():
    cells, weights = torch.rand(9), torch.tensor([1.0, 0, 1, 0.5, 0, 0, 1, 1, 0.25])
    total = weights.sum().clamp(min=1)
    parts = [masked_mean(cells[rows], weights[rows], total) for rows in (slice(0, 4), slice(4, 6), slice(6, 9))]
    assert sum(parts).item() == pytest.approx(masked_mean(cells, weights).item(), rel=1e-6)
