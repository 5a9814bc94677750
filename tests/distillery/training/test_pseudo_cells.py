from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from distillery.heads import Heads
from distillery.images.cells import Cells, temper
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.losses import cell_losses, head_loss
from distillery.training.examples import Examples
from distillery.training.pseudo_cells import at_temperature, counted, drop_largest
from distillery.training.run import Run
from distillery.training.settings import PseudoLearning, Settings
from distillery.training.step import train_step
from tests.distillery.training.conftest import SETTINGS

PSEUDO = torch.tensor([False, True, False, True, True, False, True, True])


@pytest.fixture
def cells(examples: Examples, heads: Heads) -> Cells:
    """Every cell filled, half of them by pseudo-labels that weigh 0.5; one of these is refused."""
    torch.manual_seed(1)
    labels, weights, pseudo = dict(examples.cells.labels), {}, {}
    for name, head in heads.items():
        wide = examples.cells.weights[name].ndim == 2
        supposed = (PSEUDO[:, None].expand(8, 3) if wide else PSEUDO).clone()
        weights[name] = torch.where(supposed, 0.5, 1.0)
        weights[name][7] = 0
        supposed[7] = False
        pseudo[name] = supposed
        drawn = torch.rand(8, labels[name].shape[1])
        labels[name] = drawn / drawn.sum(dim=1, keepdim=True) if head.kind == "classification" else drawn
    return Cells(labels, weights, pseudo)


def _losses(make_network: Callable, heads: Heads, store: ImageStore, cells: Cells, **changed) -> dict[str, float]:
    """The losses of one step from the same weights."""
    record = _step(make_network, heads, store, cells, pseudo=PseudoLearning(**changed))
    return {name: float(record[f"train_loss/{name}"]) for name in heads}


def _step(make_network: Callable, heads: Heads, store: ImageStore, cells: Cells, **changed) -> dict[str, Tensor]:
    kept = PseudoLearning(labelled_share="kept")
    settings = Settings(**{**SETTINGS, "smoothing": 0.0, "pseudo": kept, **changed})
    network = make_network().train()
    return train_step(Run(network, heads, settings), to_float(store.gather(range(8))), cells, settings)


def _said(make_network: Callable, store: ImageStore) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in make_network().train()(to_float(store.gather(range(8)))).items()}


def test_the_labelled_share_of_the_loss_does_not_shrink_when_pseudo_labels_join(make_network, heads, store, cells):
    said = _said(make_network, store)
    kept = _losses(make_network, heads, store, cells, labelled_share="kept")
    shrinking = _losses(make_network, heads, store, cells, labelled_share="shrinking")
    for name, head in heads.items():
        labelled = cells.weights[name].masked_fill(cells.pseudo[name], 0)
        alone = head_loss(head, said[name], cells.labels[name], labelled, smoothing=0)
        supposed = cells.weights[name] - labelled
        on_top = cell_losses(head, said[name], cells.labels[name], smoothing=0) * supposed
        assert kept[name] == pytest.approx(float(alone + on_top.sum() / labelled.sum()), rel=1e-5)
        both = head_loss(head, said[name], cells.labels[name], cells.weights[name], smoothing=0)
        assert shrinking[name] == pytest.approx(float(both), rel=1e-5)


def test_a_batch_of_pseudo_labels_alone_is_divided_by_them():
    weights = torch.tensor([0.5, 0.5, 0.0])
    assert counted(weights, torch.tensor([True, True, False]), "kept") == 1
    assert counted(weights, None, "kept") == 1
    assert counted(torch.tensor([0.5, 2.0, 1.0]), torch.tensor([True, False, False]), "kept") == 3


def test_a_batch_that_holds_few_labels_does_not_make_the_loss_jump():
    weights = torch.ones(64)
    for labelled in (1, 2, 12):
        assert counted(weights, torch.arange(64) >= labelled, "kept") == pytest.approx(64 / 5)
    assert counted(weights, torch.arange(64) >= 13, "kept") == 13


def test_a_concordance_counts_once_in_however_many_parts(make_network, heads, store, cells):
    together = {**heads, "place": heads["place"].model_copy(update={"loss": "ccc"})}
    found = [
        float(_step(make_network, together, store, cells, accumulate=parts)["train_loss/place"]) for parts in (1, 4)
    ]
    assert max(found) < 2, "a concordance loss is 2 at most"


def test_at_a_temperature_the_loss_is_hintons(make_network, heads, store, cells):
    """``T^2 cross_entropy(softmax(z / T), softmax(v / T))`` of pseudo-labelled cells; the others, and numbers, have none."""
    said, t = _said(make_network, store), 2.0
    head, labels = heads["mood"], cells.labels["mood"]
    logits, weights = at_temperature(head, said["mood"], cells.weights["mood"], cells.pseudo["mood"], t)
    soft = torch.where(cells.pseudo["mood"][:, None], temper(head, labels, t), labels)
    found = cell_losses(head, logits, soft, smoothing=0) * weights
    for row in range(8):
        hot = t if cells.pseudo["mood"][row] else 1.0
        wanted = labels[row].log().div(hot).softmax(0)
        entropy = -(wanted * said["mood"][row].div(hot).log_softmax(0)).sum()
        assert float(found[row]) == pytest.approx(float(hot**2 * entropy * cells.weights["mood"][row]), rel=1e-5)
    years = at_temperature(heads["years"], said["years"], cells.weights["years"], cells.pseudo["years"], t)
    assert years[0] is said["years"]
    one, two = (_losses(make_network, heads, store, cells, temperature=at) for at in (1.0, 2.0))
    assert {name for name in heads if one[name] != two[name]} == {"mood", "units"}


def test_soft_targets_of_an_element_keep_their_side_and_come_nearer_to_undecided(heads):
    values = torch.tensor([[0.9, 0.5, 0.2]])
    softer = temper(heads["units"], values, 2.0)
    odds = (values / (1 - values)).sqrt()
    assert torch.allclose(softer, odds / (1 + odds))
    assert torch.equal(temper(heads["units"], values, 1.0), values)
    assert torch.equal(temper(heads["place"], values, 2.0), values)


def test_of_pseudo_labelled_cells_the_share_of_largest_loss_is_left_out():
    losses = torch.tensor([9.0, 5.0, 8.0, 1.0, 3.0, 0.0, 7.0, 6.0])
    weights = torch.where(PSEUDO, 0.5, 1.0)
    found = drop_largest(losses, weights, PSEUDO, 0.5)
    # five pseudo-labelled cells lose 5, 1, 3, 7, 6: the two of 7 and 6 go, and no labelled one does
    assert found.tolist() == [1, 0.5, 1, 0.5, 0.5, 1, 0, 0]
    assert torch.equal(drop_largest(losses, weights, PSEUDO, 0.1), weights)
    wide = drop_largest(losses.view(4, 2), weights.view(4, 2), PSEUDO.view(4, 2), 0.5)
    assert torch.equal(wide, found.view(4, 2))


def test_dropping_changes_the_loss_of_every_head_and_of_labels_alone_nothing(make_network, heads, store, cells):
    whole, part = (_losses(make_network, heads, store, cells, drop=drop) for drop in (0.0, 0.5))
    assert all(part[name] < whole[name] for name in heads)
    labelled = Cells(cells.labels, cells.weights)
    same = [
        _losses(make_network, heads, store, labelled, labelled_share=share, drop=drop, temperature=temperature)
        for share, drop, temperature in (("shrinking", 0.0, 1.0), ("kept", 0.5, 2.0))
    ]
    assert same[0] == same[1]
