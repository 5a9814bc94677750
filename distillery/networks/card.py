"""A model's card: what it is and where it comes from; read without torch, which takes seconds to import."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from distillery.errors import DistilleryError
from distillery.files import whole_file
from distillery.heads import LearntHeads

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


def save_card(folder: Path, card: Card) -> None:
    """Write a card into an existing folder."""
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
