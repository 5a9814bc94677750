from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import Tensor
from torch.optim.swa_utils import update_bn

from distillery.heads import Heads
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.losses import head_loss
from distillery.training import fit as fitting
from distillery.training.examples import Examples
from distillery.training.run import Run
from distillery.training.settings import Settings
from distillery.training.step import train_step
from tests.distillery.training.conftest import SETTINGS


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


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"channels_last": True},
        {"dropout": 0.5},
        {"bf16": True},
        {"workers": 2},
        {"ema": 0.0},
        {"weighting": "dynamic"},
        {"weighting": "uncertainty"},
        {"weighting": "random"},
        {"weighting": "pcgrad", "channels_last": True},
        {"weighting": "nash_mtl"},
        {"schedule": "dynamic"},
        {"optimiser": "prodigy", "schedule": "constant", "learning_rate": 1.0},
        {"optimiser": "schedulefree", "schedule": "constant", "ema": 0.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("asked", [2, 4, 9])
def test_stopped_at_any_step_it_goes_on_and_ends_bit_identical(run: Callable, make_network, changed: dict, asked: int):
    """Asked for the second time in the first epoch, for the fourth after its validation, for the ninth in the third."""
    dropout = changed.get("dropout", 0.0)
    changed = {name: value for name, value in changed.items() if name != "dropout"} | {"save_every": 1e9}
    undisturbed = make_network(dropout=dropout)
    whole = list(run(undisturbed, checkpoint="whole", **changed))
    first, seen, calls = make_network(dropout=dropout), [], iter(range(1, 100))
    with pytest.raises(KeyboardInterrupt):
        seen.extend(run(first, checkpoint="cut", stop=lambda: next(calls) >= asked, **changed))
    second = make_network(dropout=dropout)
    assert list(run(second, checkpoint="cut", **changed)) == whole
    assert _same(second.state_dict(), undisturbed.state_dict())


def test_killed_without_a_word_it_goes_on_from_its_last_checkpoint(run: Callable, make_network):
    undisturbed, second = make_network(), make_network()
    whole = list(run(undisturbed, checkpoint="whole"))
    stopped = list(islice(run(make_network(), checkpoint="cut"), 1))
    assert stopped == whole[:1]
    assert list(run(second, checkpoint="cut")) == whole
    assert _same(second.state_dict(), undisturbed.state_dict())


def test_threads_that_read_ahead_change_nothing(run: Callable, make_network):
    alone, ahead = make_network(), make_network()
    assert list(run(alone, checkpoint="a")) == list(run(ahead, checkpoint="b", workers=3))
    assert _same(alone.state_dict(), ahead.state_dict())


def test_a_batch_in_parts_gives_the_gradient_of_the_whole(make_network, heads: Heads, examples: Examples, store):
    """Rows differ in what they label, so that parts hold unequal numbers of cells; statistics are left out of it."""
    images, gradients = to_float(store.gather(examples.positions)), []
    for parts in (1, 2, 3, 8):
        network = make_network().eval()
        settings = Settings(**{**SETTINGS, "accumulate": parts, "clip": 1e9})
        record = train_step(Run(network, heads, settings), images, examples.cells, settings)
        gradients.append([p.grad for p in network.parameters()] + list(record.values()))
    for other in gradients[1:]:
        for one, two in zip(gradients[0], other, strict=True):
            assert torch.allclose(one, two, rtol=1e-4, atol=1e-6)


def test_a_compiled_network_learns_the_same_up_to_rounding(run: Callable, make_network):
    plain, compiled = make_network(), make_network()
    wanted = next(run(plain, checkpoint="plain", epochs=1))
    found = next(run(compiled, checkpoint="compiled", epochs=1, compile=True))
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=0.05, abs=1e-3)


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
    kinds = ("train_loss", "weight", "val_loss", "val_score")
    assert set(records[0]) == {"epoch", "learning_rate"} | {f"{kind}/{name}" for kind in kinds for name in heads}
    assert records[0]["learning_rate"] > records[2]["learning_rate"] > 0


def test_labels_are_swapped_with_the_images_that_augmentation_flips(
    run: Callable, make_network, no_augmentation, monkeypatch
):
    seen: list[tuple[Tensor, Tensor]] = []

    def listen(head, logits, labels, weights, *, smoothing: float, total: Tensor) -> Tensor:
        seen.extend([(labels, weights)] if head.kind == "detection" else [])
        return head_loss(head, logits, labels, weights, smoothing=smoothing, total=total)

    monkeypatch.setattr("distillery.training.step.head_loss", listen)
    for name, flip in (("plain", 0.0), ("flipped", 1.0)):
        list(run(make_network(), checkpoint=name, epochs=1, strengths=replace(no_augmentation, flip=flip)))
    plain, flipped = seen[:3], seen[3:]
    for (labels, weights), (swapped, swapped_weights) in zip(plain, flipped, strict=True):
        assert torch.equal(swapped, labels[:, [2, 1, 0]])
        assert torch.equal(swapped_weights, weights[:, [2, 1, 0]])
    assert any(not torch.equal(one[0], other[0]) for one, other in zip(plain, flipped, strict=True))


def test_schedule_free_weights_are_evaluated_with_statistics_of_their_own(run, make_network, monkeypatch):
    """They are those that the last epoch's images give the weights that are left; a checkpoint's would be others."""
    seen: list[torch.Tensor] = []

    def note(batches, network):
        seen[:] = list(batches)
        update_bn(seen, network)

    monkeypatch.setattr(fitting, "update_bn", note)
    network = make_network()
    list(run(network, optimiser="schedulefree", schedule="constant", ema=0.0, learning_rate=0.1))
    found = {name: value.clone() for name, value in network.state_dict().items() if "running" in name}
    update_bn(seen, network)
    assert found
    for name, value in found.items():
        assert torch.allclose(value, network.state_dict()[name]), name
    assert len(seen) == 3, "an epoch's batches, as it has fewer than are enough"


def test_other_optimisers_keep_the_statistics_of_training(run, make_network, monkeypatch):
    monkeypatch.setattr(fitting, "update_bn", lambda *_: pytest.fail("their weights are those that were trained"))
    list(run(make_network(), epochs=1))
