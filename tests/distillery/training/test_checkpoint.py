from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distillery.heads import Heads
from distillery.training.checkpoint import former, load_checkpoint, remove_checkpoint, save_checkpoint
from distillery.training.run import Run
from distillery.training.settings import Settings
from tests.distillery.training.conftest import SETTINGS


@pytest.fixture
def trained(make_network: Callable, heads: Heads) -> Callable[..., Run]:
    """A run after some steps of its own."""

    def train(seed: int, steps: int) -> Run:
        network = make_network()
        run = Run(network, heads, Settings(**SETTINGS))
        torch.manual_seed(seed)
        for _ in range(steps):
            logits = network(torch.rand(4, 3, 16, 16))
            torch.cat(list(logits.values()), dim=1).square().sum().backward()
            run.optimiser.step()
            run.add({name: torch.rand(()) for name in heads})
        run.records = [{"epoch": number, "loss": 0.1} for number in range(steps)]
        return run

    return train


def _state(run: Run) -> dict[str, object]:
    tensors = {f"network {name}": value.tolist() for name, value in run.network.state_dict().items()}
    tensors |= {f"average {name}": value.tolist() for name, value in run.average.state.items()}
    tensors |= {f"sums {name}": value.tolist() for name, value in run.sums.items()}
    for index, state in run.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser {index} {name}": value.tolist() for name, value in state.items()}
    return {**tensors, "step": run.step, "records": run.records}


def test_everything_comes_back(tmp_path: Path, trained: Callable[..., Run]):
    saved, other = trained(0, 3), trained(1, 1)
    assert _state(saved) != _state(other)
    save_checkpoint(tmp_path / "c.safetensors", saved, "k")
    drawn = torch.rand(3)
    load_checkpoint(tmp_path / "c.safetensors", other, "k")
    assert torch.equal(torch.rand(3), drawn)
    assert _state(saved) == _state(other)


def test_of_another_key_or_missing_nothing_is_taken(tmp_path: Path, trained: Callable[..., Run]):
    save_checkpoint(tmp_path / "c.safetensors", trained(0, 3), "k")
    other = trained(1, 1)
    load_checkpoint(tmp_path / "c.safetensors", other, "another")
    load_checkpoint(tmp_path / "gone.safetensors", other, "k")
    assert _state(other) == _state(trained(1, 1))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-10]),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:-5000] + bytes(10) + path.read_bytes()[-4990:]),
    ],
    ids=["cut", "empty", "lost", "altered"],
)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path, trained, damage: Callable, caplog):
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, trained(0, 2), "k")
    save_checkpoint(path, trained(0, 3), "k")
    damage(path)
    run = trained(1, 1)
    load_checkpoint(path, run, "k")
    assert _state(run) == _state(trained(0, 2))
    assert not path.is_file() or "c.safetensors: damaged checkpoint" in caplog.text


def test_with_both_generations_damaged_the_run_stays_as_it_is(tmp_path: Path, trained):
    path = tmp_path / "c.safetensors"
    path.write_bytes(b"x")
    former(path).write_bytes(b"y")
    run = trained(1, 1)
    load_checkpoint(path, run, "k")
    assert _state(run) == _state(trained(1, 1))
    remove_checkpoint(path)
    assert list(tmp_path.glob("c*")) == []
