from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from distillery.heads import Classification, Identification
from distillery.images.cells import Cells
from distillery.images.store import ImageStore
from distillery.networks.multihead import MultiHead
from distillery.training.batches import BatchPlan
from distillery.training.examples import Examples
from distillery.training.fit import fit
from distillery.training.identity import Identities
from distillery.training.settings import Settings
from tests.distillery.conftest import OFF
from tests.distillery.training.conftest import SETTINGS

HEADS = {
    "mood": Classification(kind="classification", classes=("calm", "glad")),
    "person": Identification(kind="identification", dimensions=8),
}
MARGIN = {**HEADS, "person": Identification(kind="identification", dimensions=8, margin=0.3, scale=8)}


def _cells() -> Cells:
    """Eight images of four people; the last two of nobody known."""
    people = torch.tensor([0.0, 0, 1, 1, 2, 2, 3, 3])[:, None]
    labels = {"mood": torch.eye(2)[torch.tensor([0, 1] * 4)], "person": people}
    return Cells(labels, {"mood": torch.ones(8), "person": torch.tensor([1.0] * 6 + [0, 0])})


@pytest.fixture
def learn(store: ImageStore, tmp_path: Path) -> Callable[..., tuple[MultiHead, Iterator[dict]]]:
    """A network with an identification head and its training."""

    def start(heads: dict = HEADS, *, name: str = "c", stop=lambda: False, **changed) -> tuple[MultiHead, Iterator]:
        torch.manual_seed(0)
        network = MultiHead(heads, backbone="compact", width=0.25, dropout=0.0, size=16)
        examples = Examples(positions=np.arange(8), cells=_cells())
        records = fit(
            network,
            heads,
            store,
            examples,
            examples,
            plan=BatchPlan({"all": np.arange(8)}, {"all": 1.0}, batch=8, seed=0),
            strengths=OFF,
            settings=Settings(**{**SETTINGS, "weighting": "equal", **changed}),
            seed=0,
            device="cpu",
            checkpoint=tmp_path / f"{name}.safetensors",
            key="k",
            stop=stop,
        )
        return network, records

    return start


@pytest.mark.parametrize("heads", [HEADS, MARGIN], ids=["softmax", "margin"])
def test_people_are_learnt(learn: Callable, heads: dict):
    _, records = learn(heads, epochs=15, steps_per_epoch=4, learning_rate=0.01)
    found = list(records)
    assert found[-1]["train_loss/person"] < 0.6 * found[0]["train_loss/person"]
    assert found[-1]["val_score/person"] == 1
    assert found[-1]["val_loss/person"] == 0


@pytest.mark.parametrize("asked", [2, 5])
def test_stopped_at_any_step_it_goes_on_and_ends_bit_identical(learn: Callable, asked: int):
    undisturbed, records = learn(name="whole")
    whole, calls = list(records), iter(range(1, 100))
    with pytest.raises(KeyboardInterrupt):
        list(learn(name="cut", save_every=1e9, stop=lambda: next(calls) >= asked)[1])
    second, records = learn(name="cut")
    assert list(records) == whole
    for name, value in second.state_dict().items():
        assert torch.equal(value, undisturbed.state_dict()[name])


@pytest.mark.parametrize("weighting", ["dynamic", "upgrad"])
def test_every_kind_of_weighting_takes_it(learn: Callable, weighting: str):
    found = list(learn(weighting=weighting)[1])
    assert all(np.isfinite(value) for value in found[-1].values())
    assert found[-1]["weight/person"] > 0


def test_the_loss_by_hand_and_the_unknown_cost_nothing():
    """Both parts over the logarithm of four people; only the first two images are labelled."""
    identities = Identities(Identification(kind="identification", dimensions=2, centre=0.1), people=4)
    with torch.no_grad():
        identities.templates.zero_()
    embeddings = torch.tensor([[3.0, 4.0], [0.0, 2.0], [9.0, 9.0]], requires_grad=True)
    people, weights = torch.tensor([[0.0], [1], [2]]), torch.tensor([1.0, 1, 0])
    loss = identities(embeddings, people, weights, torch.tensor(2.0))
    centre = 0.1 * (25 / 2 + 4 / 2) / 2
    assert loss.item() == pytest.approx(1 + centre / np.log(4), rel=1e-5)
    loss.backward()
    assert embeddings.grad[2].abs().max() == 0
    identities.finish()
    assert identities.centres.abs().sum(dim=1).tolist() == pytest.approx([0.25 * 7, 0.25 * 2, 0, 0])
