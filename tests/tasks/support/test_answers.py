from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch

from distillery.heads import Classification, Heads
from distillery.labelling.ensemble import Ensembled
from tasks.support import answers
from tasks.support.answers import answer

HEADS: Heads = {"mood": Classification(kind="classification", classes=("calm", "glad"))}
IMAGES = pl.Series([f"i{index}" for index in range(7)])


class Counting:
    """Stands where a network would, answers by the image's number and remembers whom it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def predict(self, images: pl.Series):
        for name in images:
            self.asked.append(name)
            value = torch.tensor([[float(name[1:]), 1.0]])
            yield {"mood": Ensembled(mean=value, std=value, agreement=None, variance=None, single=-value)}


@pytest.fixture
def ask(tmp_path: Path, monkeypatch) -> Callable:
    monkeypatch.setattr(answers, "PART", 3)

    def start(facts: dict | None = None) -> tuple[dict, list[str]]:
        network = Counting()
        found = answer(network, IMAGES, tmp_path / "p", facts or {"model": "a"}, "what")
        return found, network.asked

    return start


def test_answers_come_in_order_by_one_view_and_by_the_ensemble(ask: Callable):
    found, asked = ask()
    assert asked == IMAGES.to_list()
    assert found["mood.ensemble"][:, 0].tolist() == list(range(7))
    assert torch.equal(found["mood.one_view"], -found["mood.ensemble"])


def test_finished_parts_are_not_asked_again_lost_and_damaged_ones_are(ask: Callable, tmp_path: Path):
    first, _ = ask()
    again, asked = ask()
    assert asked == []
    assert torch.equal(again["mood.ensemble"], first["mood.ensemble"])
    (tmp_path / "p/00000.safetensors").unlink()
    (tmp_path / "p/00002.safetensors").write_bytes(b"cut")
    again, asked = ask()
    assert asked == ["i0", "i1", "i2", "i6"]
    assert torch.equal(again["mood.ensemble"], first["mood.ensemble"])


def test_another_model_is_asked_everything(ask: Callable):
    ask()
    assert ask({"model": "b"})[1] == IMAGES.to_list()
