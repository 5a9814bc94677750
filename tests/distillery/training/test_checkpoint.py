from pathlib import Path

import pytest
import torch
from torch import nn

from distillery.errors import DistilleryError
from distillery.training.checkpoint import load_checkpoint, save_checkpoint
from distillery.training.optimisation import MovingAverage, make_optimiser


def _trained(seed: int, steps: int) -> tuple[nn.Module, torch.optim.Optimizer, MovingAverage]:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimiser, average = make_optimiser(network, learning_rate=0.1, weight_decay=0.1), MovingAverage(network, 0.9)
    for step in range(steps):
        network(torch.randn(5, 3)).square().sum().backward()
        optimiser.step()
        average.update(network, step)
    return network, optimiser, average


def test_everything_comes_back(tmp_path: Path):
    saved, other = _trained(0, 3), _trained(1, 1)
    save_checkpoint(tmp_path / "c", *saved, [{"epoch": 1, "loss": 0.1}], "k")
    drawn = torch.rand(3)
    assert load_checkpoint(tmp_path / "c", *other, "k") == [{"epoch": 1, "loss": 0.1}]
    assert torch.equal(torch.rand(3), drawn)
    for one, two in zip(saved[0].state_dict().values(), other[0].state_dict().values(), strict=True):
        assert torch.equal(one, two)
    for name, value in saved[2].state.items():
        assert torch.equal(value, other[2].state[name])
    for index, state in saved[1].state_dict()["state"].items():
        for slot, value in state.items():
            assert torch.equal(value, other[1].state_dict()["state"][index][slot])


def test_of_another_key_or_missing_nothing_is_taken(tmp_path: Path):
    save_checkpoint(tmp_path / "c", *_trained(0, 3), [{"epoch": 1}], "k")
    other, same = _trained(1, 1), _trained(1, 1)
    assert load_checkpoint(tmp_path / "c", *other, "another") == []
    assert load_checkpoint(tmp_path / "gone", *other, "k") == []
    for one, two in zip(other[0].state_dict().values(), same[0].state_dict().values(), strict=True):
        assert torch.equal(one, two)


def test_a_damaged_checkpoint_is_named(tmp_path: Path):
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, *_trained(0, 1), [], "k")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DistilleryError, match=r"c\.safetensors: not a readable safetensors file"):
        load_checkpoint(path, *_trained(0, 1), "k")
