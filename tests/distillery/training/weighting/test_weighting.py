"""What holds for every weighting."""

from typing import get_args

import pytest
import torch
from torch import Tensor

from distillery.heads import Heads
from distillery.images.cells import Cells
from distillery.methods import Aggregation, WeightingName
from distillery.networks.multihead import MultiHead
from distillery.training.run import Run
from distillery.training.settings import Settings
from distillery.training.step import train_step
from distillery.training.weighting import make_weighting
from tests.distillery.training.conftest import SETTINGS

NAMES = sorted(get_args(WeightingName))


def _network(heads: Heads) -> MultiHead:
    torch.manual_seed(0)
    return MultiHead(heads, backbone="compact", width=0.25, dropout=0.0, size=16)


def _cells(heads: Heads, count: int, *, empty: tuple[str, ...] = ()) -> Cells:
    generator = torch.Generator().manual_seed(1)
    mood = torch.eye(4)[torch.randint(0, 4, (count,), generator=generator)]
    labels = {"mood": mood, "marks": (torch.rand(count, 2, generator=generator) > 0.5).float()}
    labels["age"] = torch.rand(count, 1, generator=generator) * 100
    weights = {"mood": torch.ones(count), "marks": torch.ones(count, 2), "age": torch.ones(count)}
    return Cells(labels, {name: weight * (name not in empty) for name, weight in weights.items()})


def _run(name: str, heads: Heads, **changed) -> Run:
    return Run(_network(heads), heads, Settings(**{**SETTINGS, "weighting": name, **changed}))


def _step(run: Run, cells: Cells, **changed) -> dict[str, Tensor]:
    images = torch.rand(len(cells.labels["mood"]), 3, 16, 16, generator=torch.Generator().manual_seed(2))
    return train_step(run, images, cells, Settings(**{**SETTINGS, **changed}))


@pytest.mark.parametrize("name", NAMES)
def test_every_head_is_weighted_and_the_weights_are_no_less_than_zero(name: str, heads: Heads):
    record = _step(_run(name, heads), _cells(heads, 8))
    weights = torch.stack([record[f"weight/{head}"] for head in heads])
    assert (weights >= -1e-6).all()
    assert weights.sum() > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_head_that_no_image_labels_is_neither_weighted_nor_moved(name: str, heads: Heads):
    run = _run(name, heads, weight_decay=0.0)
    before = run.network.heads["marks"].weight.clone()
    for _ in range(2):
        record = _step(run, _cells(heads, 8, empty=("marks",)))
    assert record["weight/marks"] == 0
    assert record["train_loss/marks"] == 0
    assert torch.equal(run.network.heads["marks"].weight, before)
    assert not torch.equal(run.network.heads["age"].weight, before)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_with_a_single_labelled_head_trains_it(name: str, heads: Heads):
    run = _run(name, heads)
    before = run.network.heads["age"].weight.clone()
    record = _step(run, _cells(heads, 8, empty=("marks", "mood")))
    assert record["weight/age"] > 0
    assert not torch.equal(run.network.heads["age"].weight, before)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_without_any_label_leaves_everything_finite(name: str, heads: Heads):
    run = _run(name, heads)
    _step(run, _cells(heads, 8, empty=("marks", "mood", "age")))
    record = _step(run, _cells(heads, 8))
    assert all(value.isfinite() for value in record.values())
    assert all(parameter.isfinite().all() for parameter in run.parameters)
    assert all(value.isfinite().all() for value in run.weighting.state_dict().values())


@pytest.mark.parametrize("name", ["fixed", "equal", "uncertainty"])
def test_a_batch_in_parts_gives_the_gradient_of_the_whole(name: str, heads: Heads):
    gradients = []
    for parts in (1, 4):
        run = _run(name, heads)
        run.network.eval()
        _step(run, _cells(heads, 8), accumulate=parts, clip=1e9)
        gradients.append([p.grad for p in run.parameters])
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", sorted(get_args(Aggregation)))
def test_gradients_lie_in_memory_as_their_parameters_do(name: str, heads: Heads):
    run = _run(name, heads)
    run.network.to(memory_format=torch.channels_last)
    _step(run, _cells(heads, 8))
    for parameter in run.parameters:
        assert parameter.grad is None or parameter.grad.stride() == parameter.stride()


def test_units_are_the_loss_of_no_knowledge(heads: Heads):
    units = make_weighting("equal", _network(heads), heads).units
    assert units.tolist() == pytest.approx([torch.tensor(4.0).log().item(), torch.tensor(2.0).log().item(), 2.0])
    assert make_weighting("fixed", _network(heads), heads).units.tolist() == [1, 1, 1]
