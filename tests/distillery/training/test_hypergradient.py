import pytest
import torch
from torch import nn

from distillery.training.hypergradient import BETA, HIGHEST, LOWEST, Hypergradient


def _step(gradient: list[float], moved: list[float], rate: float = 1.0) -> float:
    """The rate after one step whose gradient is ``gradient`` and before which ``moved`` was taken off."""
    weights = nn.Parameter(torch.tensor([5.0, 5.0]))
    tuned = Hypergradient([weights], rate)
    with torch.no_grad():
        weights.sub_(torch.tensor([float(move) for move in moved]))
    weights.grad = torch.tensor([float(slope) for slope in gradient])
    tuned.adapt()
    return float(tuned.rate)


def test_by_hand():
    """cos((1, 0), (3, 4)) = 3 / 5."""
    assert _step([1, 0], [3, 4]) == pytest.approx(1 + BETA * 0.6)


@pytest.mark.parametrize(("moved", "factor"), [([2, 0], 1 + BETA), ([-2, 0], 1 - BETA), ([0, 2], 1.0), ([0, 0], 1.0)])
def test_it_grows_while_the_last_step_still_points_downhill(moved: list[float], factor: float):
    assert _step([1, 0], moved) == pytest.approx(factor)


def test_the_scale_of_gradient_and_step_does_not_matter():
    # Of numbers that single precision holds at the parameters' own size.
    assert _step([1e6, 2e6], [3, 1]) == pytest.approx(_step([1, 2], [0.75, 0.25]))


def test_the_rate_is_bounded():
    assert _step([1, 0], [1, 0], rate=HIGHEST) == HIGHEST
    assert _step([1, 0], [-1, 0], rate=LOWEST) == LOWEST


def test_from_far_too_small_a_rate_it_reaches_the_bottom_of_a_bowl():
    """Plain gradient descent at the starting rate would stay where it is."""
    weights = nn.Parameter(torch.tensor([4.0, -3.0]))
    tuned = Hypergradient([weights], 1e-6)
    for _ in range(300):
        weights.grad = None
        weights.square().sum().backward()
        tuned.adapt()
        with torch.no_grad():
            weights.sub_(float(tuned.rate) * weights.grad)
    assert weights.abs().max() < 0.01
