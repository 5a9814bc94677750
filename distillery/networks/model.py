"""A model folder: ``weights.safetensors`` and ``card.json``, all that is needed to use it; no pickle."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from torch import nn

from distillery.errors import DistilleryError
from distillery.files import file_hash, whole_file
from distillery.heads import LearntHeads
from distillery.networks.multihead import MultiHead
from distillery.networks.safetensors import load_tensors, save_tensors

WEIGHTS = "weights.safetensors"
CARD = "card.json"
SHAPE = ("backbone", "width", "dropout", "stochastic_depth", "size")
MAX_REASON = 1000  # characters, the path among them
_HEADS: TypeAdapter[LearntHeads] = TypeAdapter(LearntHeads)


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a model is and where it comes from."""

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    heads: LearntHeads
    backbone: str
    width: Annotated[float, Field(gt=0, le=64)]  # a flipped bit must not ask for more memory than there is
    dropout: Annotated[float, Field(ge=0, le=1)]
    stochastic_depth: Annotated[float, Field(ge=0, lt=1)]
    size: Annotated[int, Field(ge=1, le=2**16)]
    provenance: Mapping[str, str]

    def network(self) -> MultiHead:
        """The network with fresh weights."""
        return MultiHead(self.heads, **{key: getattr(self, key) for key in SHAPE})


def save_model(folder: Path, network: MultiHead, card: Card) -> None:
    """Write weights and card into an existing folder."""
    save_tensors(network.state_dict(), folder / WEIGHTS)
    written = {
        "heads": _HEADS.dump_python(card.heads, mode="json"),
        **{key: getattr(card, key) for key in SHAPE},
        "provenance": dict(card.provenance),
    }
    with whole_file(folder / CARD) as temporary:
        temporary.write_text(json.dumps(written, indent=2) + "\n")


def load_card(folder: Path) -> Card:
    """Read a model's card.

    Raises:
        DistilleryError: the card is missing or not ours.
    """
    path = folder / CARD
    try:
        return TypeAdapter(Card).validate_json(path.read_bytes())
    except OSError as error:
        raise DistilleryError(f"{path}: not a readable model card ({error})") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DistilleryError(f"{path}: not a readable model card ({where}: {first['msg']})"[:MAX_REASON]) from error


def load_model(folder: Path) -> tuple[MultiHead, Card]:
    """The network with its weights, in evaluation mode, and its card.

    Raises:
        DistilleryError: a file is missing or damaged, or the weights do not fit the card.
    """
    card = load_card(folder)
    network = card.network()
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
