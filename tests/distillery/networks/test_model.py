import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.heads import Classification, Heads
from distillery.networks.card import CARD, WEIGHTS, Card, load_card
from distillery.networks.compact import Compact
from distillery.networks.model import load_model, save_model, start_from
from distillery.networks.safetensors import save_tensors
from tests.distillery.conftest import small_card


@pytest.fixture
def card(heads: Heads) -> Card:
    return small_card(heads)


@pytest.fixture
def folder(tmp_path: Path, make_network: Callable, card: Card) -> Path:
    network = make_network()
    network(torch.rand(8, 3, 16, 16))  # so that running statistics are not those of a fresh network
    save_model(tmp_path, network, card)
    return tmp_path


def test_a_model_folder_holds_two_files_and_comes_back_with_its_card(folder: Path, card: Card):
    network, found = load_model(folder)
    assert found == card
    assert not network.training
    assert {path.name for path in folder.iterdir()} == {WEIGHTS, CARD}


def test_weights_come_back_exactly(tmp_path: Path, make_network: Callable, card: Card):
    network = make_network()
    network(torch.rand(8, 3, 16, 16))
    save_model(tmp_path, network, card)
    found = load_model(tmp_path)[0].state_dict()
    assert all(torch.equal(found[name], value) for name, value in network.state_dict().items())


def test_the_card_has_the_same_bytes_whatever_the_order_of_a_set(tmp_path: Path, make_network: Callable, card: Card):
    kinds = ("shift", "blur", "flip", "grey", "scale", "rotation")
    head = Classification(kind="classification", classes=("a", "b"), forbids=frozenset(kinds))
    save_model(tmp_path, make_network(), replace(card, heads={"mood": head}))
    assert json.loads((tmp_path / CARD).read_text())["heads"]["mood"]["forbids"] == sorted(kinds)
    assert load_card(tmp_path).heads["mood"] == head


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / CARD).unlink(), rf"{CARD}: not a readable model card"),
        (lambda f: (f / CARD).write_text("{"), rf"{CARD}: not a readable model card"),
        (lambda f: (f / CARD).write_text("[]"), rf"{CARD}: not a readable model card"),
        (lambda f: (f / CARD).write_text("{}"), rf"{CARD}: not a readable model card"),
        (lambda f: _edit(f, surprise=1), rf"{CARD}: not a readable model card .*surprise"),
        (lambda f: _edit(f, heads={"x": {"kind": "classification", "classes": ["one"]}}), rf"{CARD}: not a readable"),
        (lambda f: (f / CARD).write_bytes(b"\xff"), rf"{CARD}: not a readable model card"),
        (lambda f: (f / CARD).write_text("[" * 100_000), rf"{CARD}: not a readable model card"),
        (lambda f: (f / CARD).write_text('{"heads":' * 100_000), rf"{CARD}: not a readable model card"),
        (lambda f: _edit(f, width="wide"), rf"{CARD}: not a readable model card .width: .*number"),
        (lambda f: _edit(f, width=1e9), rf"{CARD}: not a readable model card .width: .*less than"),
        (lambda f: _edit(f, width=float("nan")), rf"{CARD}: not a readable model card .width: "),
        (lambda f: _edit(f, dropout=-1), rf"{CARD}: not a readable model card .dropout: "),
        (lambda f: _edit(f, size=0), rf"{CARD}: not a readable model card .size: "),
        (lambda f: _edit(f, provenance=[]), rf"{CARD}: not a readable model card .provenance: "),
        (lambda f: _edit(f, heads=None), rf"{CARD}: not a readable model card .heads: "),
        (lambda f: _edit(f, width=0.5), rf"{WEIGHTS}: does not fit .*{CARD}"),
        (lambda f: _edit(f, backbone="nothing"), "network.backbone is 'nothing'"),
        (lambda f: (f / WEIGHTS).unlink(), rf"{WEIGHTS}: not a readable safetensors"),
        (
            lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-9]),
            rf"{WEIGHTS}: not a readable safetensors",
        ),
    ],
)
def test_a_damaged_model_folder_names_its_file(folder: Path, change: Callable, message: str):
    change(folder)
    with pytest.raises(DistilleryError, match=message):
        load_model(folder)


def _edit(folder: Path, **changed: object) -> None:
    (folder / CARD).write_text(json.dumps({**json.loads((folder / CARD).read_text()), **changed}))


def test_a_files_hash_follows_its_bytes(tmp_path: Path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    assert file_hash(tmp_path / "a") == file_hash(tmp_path / "b") != file_hash(tmp_path / "c")
    assert len(file_hash(tmp_path / "a")) == 32


def test_a_backbone_starts_from_the_weights_that_are_meant(tmp_path: Path, make_network: Callable):
    backbone, other = make_network().backbone, Compact(0.25)
    path = save_tensors({**backbone.state_dict(), "fc.weight": torch.zeros(3)}, tmp_path / "w.safetensors")
    start_from(other, path, file_hash(path))
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in backbone.state_dict().items())
    with pytest.raises(DistilleryError, match=rf"blake2b: .*w.safetensors has the hash {file_hash(path)}, .* says 0"):
        start_from(other, path, "0" * 32)
    with pytest.raises(DistilleryError, match="gone is not on this machine; nothing is downloaded"):
        start_from(other, tmp_path / "gone", "0" * 32)
    save_tensors({"x": torch.zeros(1)}, path)
    with pytest.raises(DistilleryError, match=r"does not fit network\.backbone"):
        start_from(other, path, file_hash(path))
