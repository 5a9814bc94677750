import sys

import pytest
import torch
from torch import nn

from distillery.errors import DistilleryError
from distillery.training.optimisation import MovingAverage, make_optimiser


def test_only_matrices_decay():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    decaying, others = make_optimiser(
        "adamw", list(network.parameters()), learning_rate=0.1, weight_decay=0.3
    ).param_groups
    assert {p.ndim for p in decaying["params"]} == {4, 2}
    assert {p.ndim for p in others["params"]} == {1}
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.3, 0.0)
    assert len(decaying["params"]) + len(others["params"]) == len(list(network.parameters()))


def _walk(decay: float, steps: int) -> tuple[list[float], float]:
    network = nn.Linear(1, 1, bias=False)
    average = MovingAverage(network, decay)
    start, seen = network.weight.item(), []
    for step in range(steps):
        nn.init.constant_(network.weight, float(step))
        average.update(step)
        seen.append(average.state["weight"].item())
    return seen, start


def test_the_average_follows_its_recursion():
    seen, value = _walk(0.5, 20)
    for step, found in enumerate(seen):
        decay = min(0.5, (1 + step) / (10 + step))
        value = decay * value + (1 - decay) * step
        assert found == pytest.approx(value, rel=1e-5)


def test_a_decay_of_zero_is_the_network_itself_and_no_copy():
    assert _walk(0.0, 5)[0] == [0, 1, 2, 3, 4]
    network = nn.Linear(1, 1)
    assert MovingAverage(network, 0.0).state["weight"].data_ptr() == network.weight.data_ptr()


def test_counters_are_copied_and_not_averaged():
    network = nn.BatchNorm1d(2)
    average = MovingAverage(network, 0.9)
    network(torch.randn(4, 2))
    average.update(0)
    assert average.state["num_batches_tracked"] == 1
    assert average.state["num_batches_tracked"].dtype == torch.int64


@pytest.mark.parametrize("name", ["adamw", "prodigy", "schedulefree"])
def test_every_optimiser_finds_the_bottom_of_a_bowl(name: str):
    weights = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimiser = make_optimiser(name, [weights], learning_rate={"prodigy": 1.0}.get(name, 0.1), weight_decay=0.0)
    if name == "schedulefree":
        optimiser.train()
    for _ in range(300):
        optimiser.zero_grad()
        weights.square().sum().backward()
        optimiser.step()
    if name == "schedulefree":
        optimiser.eval()
    assert weights.abs().max() < 0.1


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "prodigyopt", None)
    with pytest.raises(DistilleryError, match=r"prodigy needs .* pip install 'distillery\[optimisers\]'"):
        make_optimiser("prodigy", [nn.Parameter(torch.zeros(2))], learning_rate=1.0, weight_decay=0.0)
