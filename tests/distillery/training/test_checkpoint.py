from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distillery.heads import Heads
from distillery.training.checkpoint import former, load_checkpoint, remove_checkpoint, save_checkpoint
from distillery.training.optimiser_state import read_state
from distillery.training.run import Run
from distillery.training.settings import Settings
from tests.distillery.training.conftest import SETTINGS


@pytest.fixture
def trained(make_network: Callable, heads: Heads) -> Callable[..., Run]:
    """A run after some steps of its own."""

    def train(seed: int, steps: int, **changed) -> Run:
        network = make_network()
        run = Run(network, heads, Settings(**{**SETTINGS, **changed}))
        torch.manual_seed(seed)
        for _ in range(steps):
            features, logits = run.forward(torch.rand(4, 3, 16, 16))
            losses, present = torch.stack([x.square().mean() for x in logits.values()]), torch.ones(len(heads)) > 0
            run.set_rate(run.step)
            run.learn(True)
            run.weighting.backward(losses, present, features, torch.zeros(()))
            run.weighting.finish(losses.detach(), present)
            run.update()
            run.add({name: torch.rand(()) for name in run.sums})
        run.records = [{"epoch": number, "loss": 0.1} for number in range(steps)]
        return run

    return train


def _state(run: Run) -> dict[str, object]:
    tensors = {f"network {name}": value.tolist() for name, value in run.network.state_dict().items()}
    tensors |= {f"average {name}": value.tolist() for name, value in run.average.state.items()}
    tensors |= {f"sums {name}": value.tolist() for name, value in run.sums.items()}
    tensors |= {f"weighting {name}": value.tolist() for name, value in run.weighting.state_dict().items()}
    for optimiser in filter(None, (run.optimiser, run.weighting.optimiser)):
        moments, numbers = read_state(optimiser)
        tensors |= {f"{type(optimiser)} {name}": value.tolist() for name, value in moments.items()}
        tensors |= {f"{type(optimiser)} {name}": value for name, value in numbers.items()}
    if run.hypergradient is not None:
        tensors |= {f"rate {name}": value.tolist() for name, value in run.hypergradient.state().items()}
    return {**tensors, "step": run.step, "records": run.records}


METHODS = [
    {},
    {"weighting": "dynamic"},
    {"weighting": "uncertainty"},
    {"weighting": "random"},
    {"weighting": "nash_mtl"},
    {"schedule": "dynamic"},
    {"optimiser": "prodigy", "schedule": "constant", "learning_rate": 1.0},
    {"optimiser": "schedulefree", "schedule": "constant", "ema": 0.0},
]


@pytest.mark.parametrize("changed", METHODS, ids=str)
def test_everything_comes_back(tmp_path: Path, trained: Callable[..., Run], changed: dict):
    saved, other = trained(0, 3, **changed), trained(1, 1, **changed)
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
