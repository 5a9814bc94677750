from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from distillery.heads import Heads
from distillery.images.cells import Cells
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.training.coupling import DistributionMatching, SoftCoAnnotation, co_annotate, coupling_losses
from distillery.training.examples import Examples
from distillery.training.run import Run
from distillery.training.settings import Settings
from distillery.training.step import train_step
from tests.distillery.training.conftest import SETTINGS

RELATED = torch.tensor([[1.0, 0], [0, 1]])


def _cells(mood: list[int | None], marks: list[tuple[float, float] | None]) -> Cells:
    """One image each; None is an empty cell."""
    labels = {"mood": torch.eye(2)[torch.tensor([one or 0 for one in mood])]}
    labels["marks"] = torch.tensor([one or (0.0, 0.0) for one in marks])
    weights = {"mood": torch.tensor([float(one is not None) for one in mood])}
    weights["marks"] = torch.tensor([[float(one is not None)] * 2 for one in marks])
    return Cells(labels, weights)


def _soft(**changed) -> SoftCoAnnotation:
    return SoftCoAnnotation(
        **{"classes": "mood", "elements": "marks", "relatedness": RELATED, "weight": 1.0, "temperature": 0.2, **changed}
    )


def _matching(**changed) -> DistributionMatching:
    given = {"classes": "mood", "elements": "marks", "relatedness": RELATED, "weight": 1.0}
    return DistributionMatching(**{**given, "form": "bernoulli", "constant": "none", **changed})


def test_soft_co_annotation_counts_images_with_elements_and_without_a_class():
    cells = _cells([None, 1, None], [(1.0, 0.0), (1.0, 0.0), None])
    assert _soft().counted(cells).tolist() == [1, 0, 0]


def test_distribution_matching_counts_every_image():
    assert _matching().counted(_cells([None, 1], [None, None])).tolist() == [1, 1]


def test_a_coupling_is_the_mean_over_the_images_that_count():
    cells = _cells([None, 1, None], [(1.0, 0.0), (1.0, 0.0), None])
    logits = {"mood": torch.randn(3, 2), "marks": torch.randn(3, 2)}
    soft, matching = _soft(), _matching()
    found = coupling_losses([soft, matching], logits, cells, [torch.tensor(1.0), torch.tensor(3.0)])
    assert float(found[0]) == pytest.approx(float(soft.losses(logits, cells)[0]))
    assert float(found[1]) == pytest.approx(float(matching.losses(logits, cells).mean()))


def test_co_annotation_fills_empty_cells_alone():
    cells = _cells([0, None, None, 1, 0], [None, (0.0, 1.0), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    found = co_annotate(cells, "mood", "marks", RELATED)
    assert found.weights["mood"].tolist() == [1, 1, 0, 1, 1]
    assert found.labels["mood"].argmax(dim=1)[[0, 1, 3, 4]].tolist() == [0, 1, 1, 0]
    assert found.weights["marks"].tolist() == [[1, 0], [1, 1], [1, 1], [1, 1], [1, 1]]
    assert found.labels["marks"].tolist() == [[1, 0], [0, 1], [0, 0], [1, 0], [0, 1]]
    assert torch.equal(cells.weights["mood"], torch.tensor([1.0, 0, 0, 1, 1]))


@pytest.fixture
def ties(heads: Heads) -> list:
    related = torch.rand(len(heads["mood"].classes), len(heads["units"].elements))
    names = {"classes": "mood", "elements": "units", "relatedness": related}
    return [_soft(**names), _matching(**names)]


def test_couplings_are_recorded_and_move_the_network(run: Callable, make_network, heads: Heads, ties: list):
    coupled, alone = make_network(), make_network()
    records = list(run(coupled, checkpoint="a", couplings=ties))
    list(run(alone, checkpoint="b"))
    for tie in ties:
        assert records[0][f"coupling/{tie.name}"] >= 0
    assert not torch.equal(coupled.heads["mood"].weight, alone.heads["mood"].weight)


@pytest.mark.parametrize("weighting", ["equal", "dynamic", "upgrad"])
def test_coupling_falls_under_every_kind_of_weighting(run: Callable, make_network, ties: list, weighting: str):
    records = list(
        run(make_network(), couplings=ties[1:], weighting=weighting, epochs=6, steps_per_epoch=6, learning_rate=0.01)
    )
    assert records[-1][f"coupling/{ties[1].name}"] < records[0][f"coupling/{ties[1].name}"]


def test_a_batch_in_parts_gives_the_coupling_of_the_whole(
    make_network, heads: Heads, examples: Examples, store: ImageStore, ties: list
):
    images, found = to_float(store.gather(examples.positions)), []
    for parts in (1, 3):
        settings = Settings(**{**SETTINGS, "accumulate": parts, "clip": 1e9})
        run = Run(make_network().eval(), heads, settings, couplings=ties)
        record = train_step(run, images, examples.cells, settings)
        found.append([*record.values(), *(p.grad for p in run.network.parameters())])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-6)


def test_unlabelled_images_change_no_labelled_heads_gradient(make_network, heads: Heads, examples: Examples, store):
    """Bitwise: what the losses send back to the logits of labelled images, alone and among unlabelled ones."""
    cells = examples.cells
    empty = Cells(cells.labels, {name: torch.zeros_like(weight) for name, weight in cells.weights.items()})
    both = Cells(
        {name: torch.cat([cells.labels[name], empty.labels[name]]) for name in heads},
        {name: torch.cat([cells.weights[name], empty.weights[name]]) for name in heads},
    )
    alone, among = _logit_gradients(heads, cells), _logit_gradients(heads, both)
    for name in heads:
        assert torch.equal(alone[name], among[name][: len(alone[name])])
        assert among[name][len(alone[name]) :].abs().max() == 0


def _logit_gradients(heads: Heads, cells: Cells) -> dict[str, Tensor]:
    from distillery.losses import head_loss
    from distillery.networks.multihead import outputs

    found = {}
    for name, head in heads.items():
        count = len(cells.weights[name])
        logits = torch.randn(16, outputs(head), generator=torch.Generator().manual_seed(5))[:count].requires_grad_()
        head_loss(head, logits, cells.labels[name], cells.weights[name], smoothing=0.1).backward()
        found[name] = logits.grad
    return found
