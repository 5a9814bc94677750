import pytest
import torch

from distillery.heads import Heads
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.losses import head_loss
from distillery.networks.multihead import decode_logits
from distillery.training.examples import Examples
from distillery.training.validation import validate


def _validate(network, heads: Heads, store: ImageStore, examples: Examples) -> dict[str, float]:
    weights = dict(network.state_dict())
    return validate(network, weights, heads, store, examples, bf16=False, device=torch.device("cpu"))


def test_losses_and_scores_are_those_of_all_labelled_cells(make_network, heads, store, examples, monkeypatch):
    network = make_network()
    whole = _validate(network, heads, store, examples)
    monkeypatch.setattr("distillery.training.validation.BATCH", 3)
    assert _validate(network, heads, store, examples) == pytest.approx(whole, rel=1e-4)
    with torch.no_grad():
        logits = network.eval()(to_float(store.gather(examples.positions)))
    labels, weights = examples.cells.labels, examples.cells.weights
    for name, head in heads.items():
        loss = head_loss(head, logits[name], labels[name], weights[name], smoothing=0.0)
        assert whole[f"val_loss/{name}"] == pytest.approx(float(loss), rel=1e-5)
    mood, years = (decode_logits(heads[name], logits[name])[0] for name in ("mood", "years"))
    right = mood.argmax(dim=1) == labels["mood"].argmax(dim=1)
    assert whole["val_score/mood"] == pytest.approx(float(right[::2].float().mean()))
    assert whole["val_score/years"] == pytest.approx(float((years - labels["years"])[1::2].abs().mean()), rel=1e-4)


def test_it_measures_the_weights_it_is_given_and_changes_nothing(make_network, heads, store, examples):
    network = make_network().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    other = {name: value * 0 if "heads" in name else value for name, value in network.state_dict().items()}
    found = validate(network, other, heads, store, examples, bf16=False, device=torch.device("cpu"))
    assert found["val_loss/mood"] == pytest.approx(torch.tensor(3.0).log().item(), rel=1e-5)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
