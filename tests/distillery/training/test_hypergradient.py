import math

import pytest
import torch
from torch import nn

from distillery.training.hypergradient import BETA, DRIFT, HIGHEST, LONGEST, LOWEST, MEMORY, Hypergradient


def _rates(*steps: tuple[list[float], list[float]], rate: float = 1.0) -> list[float]:
    """The rate after each of some steps, of which the gradient and what was taken off before it are given."""
    weights = nn.Parameter(torch.tensor([5e3, 5e3]))
    tuned, found = Hypergradient([weights], rate), []
    for gradient, moved in steps:
        with torch.no_grad():
            weights.sub_(torch.tensor([float(move) for move in moved]))
        weights.grad = torch.tensor([float(slope) for slope in gradient])
        tuned.adapt()
        found.append(float(tuned.rate))
    return found


def test_two_steps_by_hand():
    """Cosines 3/5 and 4/5; the second against the root of 0.9 * 0.36 + 0.1 * 0.64."""
    found = _rates(([1, 0], [3, 4]), ([0, 1], [3, 4]))
    usual = math.sqrt(MEMORY * 0.36 + (1 - MEMORY) * 0.64)
    first = 1 + BETA * (1 + DRIFT)
    assert found == pytest.approx([first, first * (1 + BETA * (min(1, 0.8 / usual) + DRIFT))])
    found = _rates(([0, 1], [3, 4]), ([1, 0], [3, 4]))
    usual = math.sqrt(MEMORY * 0.64 + (1 - MEMORY) * 0.36)
    assert found[1] == pytest.approx(first * (1 + BETA * (0.6 / usual + DRIFT)))


@pytest.mark.parametrize(("moved", "cosine"), [([2, 0], 1), ([-2, 0], -1), ([0, 2], 0), ([0, 0], 0)])
def test_it_grows_while_the_last_step_still_points_downhill_and_a_little_where_it_says_nothing(
    moved: list[float], cosine: float
):
    assert _rates(([1, 0], moved)) == pytest.approx([1 + BETA * (cosine + DRIFT)])


def test_the_scale_of_gradient_and_step_does_not_matter():
    # Of numbers that single precision holds at the parameters' own size.
    big = _rates(([1e6, 2e6], [3, 1]), ([-2e6, 1e6], [1, 2]))
    assert big == pytest.approx(_rates(([1, 2], [0.75, 0.25]), ([-2, 1], [0.5, 1])))


def test_the_rate_is_bounded():
    assert _rates(([1, 0], [1, 0]), rate=HIGHEST) == [HIGHEST]
    assert _rates(([1, 0], [-1, 0]), rate=LOWEST) == [LOWEST]


def test_no_step_may_be_longer_than_a_share_of_what_the_parameters_began_with():
    """A step of four fifths of that length: at once the rate is such that the next would be the longest allowed."""
    assert _rates(([1, 1], [4e3, 4e3])) == pytest.approx([LONGEST / (4 / 5)])


def test_a_start_that_is_far_too_high_is_lowered_before_the_first_step():
    weights = nn.Parameter(torch.tensor([5e3, 5e3]))
    assert float(Hypergradient([weights], 1e9).rate) * math.sqrt(2) == pytest.approx(LONGEST * 5e3 * math.sqrt(2))
    assert float(Hypergradient([weights], 1e-4).rate) == pytest.approx(1e-4)


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
