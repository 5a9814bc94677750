import pytest
import torch
from torch import Tensor

from distillery.heads import Heads
from distillery.training.weighting.random import Random


def test_a_step_draws_once_and_the_next_one_anew(heads: Heads, present: Tensor):
    torch.manual_seed(3)
    drawn = torch.randn(3)
    torch.manual_seed(3)
    weighting = Random(heads)
    first, part = (weighting.weigh(present, torch.zeros(2, 4)) for _ in range(2))
    assert torch.allclose(first, 3 * drawn.exp() / drawn.exp().sum())
    assert torch.equal(first, part)
    weighting.finish(torch.ones(3), present)
    assert not torch.equal(weighting.weigh(present, torch.zeros(2, 4)), first)


def test_weights_average_one_over_the_heads_that_are_there(heads: Heads):
    found = Random(heads).weigh(torch.tensor([False, True, True]), torch.zeros(2, 4))
    assert found[0] == 0
    assert float(found.sum()) == pytest.approx(2)
