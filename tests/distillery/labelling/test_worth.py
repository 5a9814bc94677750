from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from distillery.heads import Heads
from distillery.images.cells import Cells
from distillery.images.store import ImageStore
from distillery.labelling.ensemble import predict
from distillery.labelling.predictor import Inference
from distillery.labelling.views import View
from distillery.labelling.worth import answer_by_view, rank_views, relative

IMAGES, VIEWS = 400, 5


@pytest.fixture
def cells(heads: Heads) -> Cells:
    draw = torch.Generator().manual_seed(0)
    mood = torch.eye(3)[torch.randint(3, (IMAGES,), generator=draw)]
    units = torch.randint(2, (IMAGES, 3), generator=draw).float()
    years, place = 100 * torch.rand(IMAGES, 1, generator=draw), 2 * torch.rand(IMAGES, 2, generator=draw) - 1
    labels = {"mood": mood, "units": units, "years": years, "place": place}
    return Cells(labels, {name: torch.ones(IMAGES, 3) if name == "units" else torch.ones(IMAGES) for name in heads})


@pytest.fixture
def answers(cells: Cells) -> dict[str, torch.Tensor]:
    """The truth with errors of their own in every view; the third has small ones, the last repeats the first."""
    draw, found = torch.Generator().manual_seed(1), {}
    for name, labels in cells.labels.items():
        wide = 100.0 if name == "years" else 1.0
        noise = torch.randn(VIEWS, *labels.shape, generator=draw) * torch.tensor([0.3, 0.6, 0.1, 0.3, 0.3]).view(
            -1, 1, 1
        )
        noise[4] = noise[0]
        values = labels + wide * noise
        if name == "mood":
            values = (3 * values).softmax(dim=2)
        elif name == "units":
            values = (6 * (values - 0.5)).sigmoid()
        found[name] = values
    return found


def _naive_loss(name: str, values: np.ndarray, labels: np.ndarray) -> float:
    total = 0.0
    for value, label in zip(values, labels, strict=True):
        if name == "mood":
            total -= np.log(value[label.argmax()])
        elif name == "units":
            total += np.mean([-np.log(v if y else 1 - v) for v, y in zip(value, label, strict=True)])
        else:
            total += np.abs(value - label).mean()
    return total / len(values)


def test_each_step_adds_the_view_that_a_plain_search_would_add(answers, heads, cells):
    steps = rank_views(answers, heads, cells, 0)
    assert sorted(step.view for step in steps) == list(range(VIEWS))
    chosen = [0]
    first = {name: _naive_loss(name, answers[name][0].numpy(), cells.labels[name].numpy()) for name in heads}
    for step in steps[1:]:
        shares = {}
        for view in set(range(VIEWS)) - set(chosen):
            losses = {
                name: _naive_loss(name, answers[name][[*chosen, view]].mean(dim=0).numpy(), cells.labels[name].numpy())
                for name in heads
            }
            shares[view] = np.mean([losses[name] / first[name] for name in heads])
        assert step.view == min(shares, key=lambda view: shares[view])
        assert relative(step.losses, first) == pytest.approx(shares[step.view], rel=1e-4)
        chosen.append(step.view)


def test_the_best_view_comes_next_and_one_that_says_the_same_brings_nothing(answers, heads, cells):
    steps = rank_views(answers, heads, cells, 0)
    assert steps[1].view == 2
    alone = {step.view: step.alone["years"] for step in steps}
    assert alone[2] < alone[0] < alone[1]
    assert alone[4] == alone[0]
    twice = rank_views({name: values[[0, 4]] for name, values in answers.items()}, heads, cells, 0)
    assert relative(twice[1].losses, twice[0].losses) == pytest.approx(1)


def test_a_head_without_a_label_has_no_say(answers, heads, cells):
    weights = cells.weights | {"mood": torch.zeros(IMAGES)}
    steps = rank_views(answers, heads, Cells(cells.labels, weights), 0)
    assert set(steps[0].losses) == {"units", "years", "place"}
    nothing = {name: torch.zeros_like(value) for name, value in cells.weights.items()}
    assert relative(rank_views(answers, heads, Cells(cells.labels, nothing), 0)[1].losses, {}) == 1


def test_answers_are_those_of_ensembles_of_one(make_network, heads: Heads, store: ImageStore, tmp_path: Path):
    views = [View("identity"), View("flip"), View("scale", 0.9)]
    how = Inference(views=views, batch=3, together=2, bf16=False, compile=False, device="cpu")
    images = pl.Series([f"i{number}" for number in range(8)])
    found = answer_by_view(make_network().eval(), heads, store, images, how)
    pixels = store.gather(np.arange(8))
    for place, view in enumerate(views):
        wanted = predict(make_network().eval(), heads, pixels, [view], bf16=False)
        for name in heads:
            assert torch.allclose(found[name][place], wanted[name].mean, atol=1e-4)
