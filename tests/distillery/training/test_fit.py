from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import Tensor

from distillery.heads import Heads
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.losses import head_loss
from distillery.training.examples import Examples


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def _clone(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _total(network, heads: Heads, images: Tensor, cells, *, smoothing: float = 0.0) -> Tensor:
    logits = network(images)
    parts = [head_loss(h, logits[k], cells.labels[k], cells.weights[k], smoothing=smoothing) for k, h in heads.items()]
    return torch.stack(parts).sum()


def test_every_loss_falls_on_eight_images_of_two_differently_labelled_sets(
    run: Callable, make_network, heads: Heads, no_augmentation
):
    changed = {"epochs": 8, "steps_per_epoch": 8, "learning_rate": 0.01, "smoothing": 0.0, "ema": 0.5}
    records = list(run(make_network(), strengths=no_augmentation, **changed))
    assert [record["epoch"] for record in records] == list(range(1, 9))
    for name in heads:
        assert records[-1][f"train_loss/{name}"] < 0.7 * records[0][f"train_loss/{name}"]
        assert records[-1][f"val_loss/{name}"] < records[0][f"val_loss/{name}"]
    assert records[-1]["val_score/mood"] == 1


def test_the_averaged_weights_are_left_in_the_network_at_the_end(run: Callable, make_network):
    followed, averaged = make_network(), make_network()
    list(run(followed, checkpoint="a", ema=0.0))
    list(run(averaged, checkpoint="b", ema=0.9))
    assert not _same(followed.state_dict(), averaged.state_dict())


@pytest.mark.parametrize("changed", [{}, {"channels_last": True}, {"dropout": 0.5}, {"bf16": True}])
def test_a_stopped_run_goes_on_and_ends_bit_identical_to_an_undisturbed_one(run: Callable, make_network, changed: dict):
    dropout = changed.get("dropout", 0.0)
    changed = {name: value for name, value in changed.items() if name != "dropout"}
    undisturbed = make_network(dropout=dropout)
    whole = list(run(undisturbed, checkpoint="whole", **changed))
    first = make_network(dropout=dropout)
    stopped = list(islice(run(first, checkpoint="cut", **changed), 1))
    second = make_network(dropout=dropout)
    resumed = list(run(second, checkpoint="cut", **changed))
    assert stopped == whole[:1]
    assert resumed == whole
    assert _same(second.state_dict(), undisturbed.state_dict())


def test_a_finished_run_trains_no_more_and_gives_the_same_weights(run: Callable, make_network):
    first, again = make_network(), make_network()
    records = list(run(first))
    assert list(run(again)) == records
    assert _same(first.state_dict(), again.state_dict())


def test_a_checkpoint_of_another_key_is_ignored(run: Callable, make_network):
    other, after, fresh = make_network(), make_network(), make_network()
    list(islice(run(other, key="other", learning_rate=0.1), 1))
    assert list(run(after, key="mine")) == list(run(fresh, checkpoint="new"))
    assert _same(after.state_dict(), fresh.state_dict())


def test_a_head_that_no_image_of_the_batches_labels_does_not_move(run: Callable, make_network):
    network = make_network()
    before = _clone(network)
    list(run(network, groups=("A",), weight_decay=0.0, epochs=1))
    after = network.state_dict()
    moved = {
        name.split(".")[1]
        for name in before
        if name.startswith("heads.") and not torch.equal(before[name], after[name])
    }
    assert moved == {"mood", "units"}


def test_the_gradient_of_a_head_absent_from_the_batch_is_zero(
    make_network, heads, examples: Examples, store: ImageStore
):
    network = make_network().eval()
    rows = torch.arange(0, 8, 2)
    images = to_float(store.gather(examples.positions[rows.numpy()]))
    _total(network, heads, images, examples.cells.rows(rows)).backward()
    for name in heads:
        gradient = network.heads[name].weight.grad.abs().max()
        assert (gradient > 0) == (name in ("mood", "units"))


@pytest.mark.parametrize("row", [0, 1])
def test_an_image_has_no_influence_on_the_output_of_a_head_where_its_cell_is_empty(
    make_network, heads: Heads, examples: Examples, store: ImageStore, row: int
):
    gradients = []
    for changed in (False, True):
        network = make_network().eval()  # a training batch's statistics would join the images
        images = to_float(store.gather(examples.positions)).clone()
        images[row] = 1 - images[row] if changed else images[row]
        _total(network, heads, images, examples.cells, smoothing=0.1).backward()
        gradients.append({name: network.heads[name].weight.grad for name in heads})
    for name in heads:
        touched = bool((examples.cells.weights[name][row] > 0).any())
        assert torch.equal(gradients[0][name], gradients[1][name]) != touched


def test_rates_and_losses_are_recorded_by_epoch(run: Callable, make_network, heads: Heads):
    records = list(run(make_network(), warmup=0.5))
    kinds = ("train_loss", "val_loss", "val_score")
    assert set(records[0]) == {"epoch", "learning_rate"} | {f"{kind}/{name}" for kind in kinds for name in heads}
    assert records[0]["learning_rate"] > records[2]["learning_rate"] > 0


def test_labels_are_swapped_with_the_images_that_augmentation_flips(
    run: Callable, make_network, no_augmentation, monkeypatch
):
    seen: list[tuple[Tensor, Tensor]] = []

    def listen(head, logits, labels, weights, *, smoothing: float) -> Tensor:
        seen.extend([(labels, weights)] if head.kind == "detection" else [])
        return head_loss(head, logits, labels, weights, smoothing=smoothing)

    monkeypatch.setattr("distillery.training.fit.head_loss", listen)
    for name, flip in (("plain", 0.0), ("flipped", 1.0)):
        list(run(make_network(), checkpoint=name, epochs=1, strengths=replace(no_augmentation, flip=flip)))
    plain, flipped = seen[:3], seen[3:]
    for (labels, weights), (swapped, swapped_weights) in zip(plain, flipped, strict=True):
        assert torch.equal(swapped, labels[:, [2, 1, 0]])
        assert torch.equal(swapped_weights, weights[:, [2, 1, 0]])
    assert any(not torch.equal(one[0], other[0]) for one, other in zip(plain, flipped, strict=True))
