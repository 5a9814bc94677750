"""Weights and cards with bytes changed, and headers of weights made up."""

import json
from pathlib import Path

import torch
from hypothesis import strategies as st

from distillery.errors import DistilleryError
from distillery.heads import Classification, Regression
from distillery.networks.card import CARD, WEIGHTS, load_card
from distillery.networks.model import new_network, save_model
from distillery.networks.safetensors import load_tensors, save_tensors
from tests.distillery.conftest import small_card
from tests.fuzz.answers import answer
from tests.fuzz.mutations import mutated

TENSORS = {
    "a": torch.arange(6.0).reshape(2, 3),
    "b": torch.tensor([True]),
    "c": torch.zeros(0, 4),
    "d": torch.tensor(1),
}
HEADS = {
    "mood": Classification(kind="classification", classes=("calm", "glad"), mirror=(("calm", "glad"),)),
    "place": Regression(kind="regression", outputs=("x", "y"), range=(-1, 1), bins=5),
}


def _written(folder: Path) -> Path:
    card = small_card(HEADS)
    save_model(folder, new_network(card), card)
    return folder


def weights(folder: Path) -> st.SearchStrategy[bytes]:
    return mutated(
        [save_tensors(TENSORS, folder / WEIGHTS).read_bytes(), save_tensors({}, folder / WEIGHTS).read_bytes()]
    )


def cards(folder: Path) -> st.SearchStrategy[bytes]:
    return mutated([(_written(folder) / CARD).read_bytes()])


def headers() -> st.SearchStrategy[bytes]:
    """Headers that are JSON and nearly right, over twelve bytes."""
    number = st.integers(-2, 14) | st.sampled_from([True, 1.0, None, "1", 2**31, 2**63, 10**30])
    entry = st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(["F32", "U8", "BOOL", "BF16", "F8", None, []]),
            "shape": st.lists(number, max_size=4) | number,
            "data_offsets": st.lists(number, min_size=2, max_size=2) | st.lists(number, max_size=3) | number,
        }
    )
    found = st.dictionaries(st.sampled_from(["a", "b", "__metadata__", ""]), entry | number, max_size=3)
    return found.map(lambda header: _file(json.dumps(header).encode()))


def _file(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + bytes(12)


def check_weights(content: bytes, folder: Path) -> None:
    """Tensors that are no more bytes than the file, or an error that names it."""
    path = folder / WEIGHTS
    path.write_bytes(content)
    found, reason = answer(DistilleryError, load_tensors, path)
    if reason:
        assert WEIGHTS in reason and len(reason) < 1000
    else:
        assert sum(tensor.nbytes for tensor in found.values()) <= len(content)


def check_card(content: bytes, folder: Path) -> None:
    """A card that comes back, or an error that names it."""
    (folder / CARD).write_bytes(content)
    card, reason = answer(DistilleryError, load_card, folder)
    if reason:
        assert CARD in reason and len(reason) < 1500
    else:
        assert 0 < card.width <= 64 and card.size > 0 and isinstance(card.provenance, dict)
