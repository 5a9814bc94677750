"""A model folder: ``weights.safetensors`` and ``card.json``, all that is needed to use it; no pickle."""

from pathlib import Path

from torch import nn

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.networks.card import CARD, SHAPE, WEIGHTS, Card, load_card, save_card
from distillery.networks.multihead import MultiHead
from distillery.networks.safetensors import load_tensors, save_tensors


def save_model(folder: Path, network: MultiHead, card: Card) -> None:
    """Write weights and card into an existing folder."""
    save_tensors(network.state_dict(), folder / WEIGHTS)
    save_card(folder, card)


def new_network(card: Card) -> MultiHead:
    """The network that a card describes, with fresh weights."""
    return MultiHead(card.heads, **{key: getattr(card, key) for key in SHAPE})


def load_model(folder: Path) -> tuple[MultiHead, Card]:
    """The network with its weights, in evaluation mode, and its card.

    Raises:
        DistilleryError: a file is missing or damaged, or the weights do not fit the card.
    """
    card = load_card(folder)
    network = new_network(card)
    try:
        network.load_state_dict(load_tensors(folder / WEIGHTS))
    except RuntimeError as error:
        raise DistilleryError(f"{folder / WEIGHTS}: does not fit {folder / CARD} ({error})") from error
    return network.eval(), card


def start_from(backbone: nn.Module, path: Path, blake2b: str) -> None:
    """Give a backbone the weights of a safetensors file; layers that it lacks (a last one, taken off) are passed over.

    Args:
        blake2b: what ``file_hash`` says of the file that is meant.

    Raises:
        DistilleryError: the file is missing, another one, or lacks a weight.
    """
    if not path.is_file():
        raise DistilleryError(f"network.pretrained.path: {path} is not on this machine; nothing is downloaded")
    if (found := file_hash(path)) != blake2b:
        raise DistilleryError(f"network.pretrained.blake2b: {path} has the hash {found}, params.yaml says {blake2b}")
    wanted = backbone.state_dict()
    tensors = {name: tensor for name, tensor in load_tensors(path).items() if name in wanted}
    try:
        backbone.load_state_dict(tensors)
    except RuntimeError as error:
        raise DistilleryError(f"{path}: does not fit network.backbone ({error})") from error
