"""What a run may be asked for: the form in the Prefect UI, and what becomes of it in params.yaml."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from distillery.errors import DistilleryError
from distillery.params import TEACHER, Params
from distillery.params.inference import View
from distillery.params.selection import Selection
from distillery.params.study import keep_heads
from tasks.support.command import read_params
from tasks.support.editing import change_params, set_values

Rounds = Annotated[int | None, Field(ge=0, le=100)]
Heads = Annotated[list[str] | None, Field(min_length=1)]
Views = Annotated[list[View] | None, Field(min_length=1)]
Selections = dict[str, Selection] | None
Overrides = dict[str, Any] | None
Inbox = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern="^[a-z0-9_-]+$")]
Domain = Annotated[str, Field(min_length=1)]


def fill_in(rounds: Rounds, heads: Heads, views: Views, selection: Selections, overrides: Overrides) -> Params:
    """Write what was asked for to params.yaml, and nothing where it does not fit; returns what holds now.

    Raises:
        DistilleryError: a line for each mistake, naming its key.
    """
    asked: dict[str, Any] = {}
    if rounds is not None:
        asked["rounds"] = chain(rounds)
    if views is not None:
        asked["predictions.views"] = [view.model_dump(mode="json") for view in views]
    for head, chosen in (selection or {}).items():
        asked[f"pseudo_labels.heads.{head}"] = chosen.model_dump(mode="json")
    asked |= overrides or {}
    if not asked and heads is None:
        return read_params()

    def edit(document: Any) -> None:
        set_values(document, asked)
        if unknown := sorted(set(heads or ()) - set(document["heads"])):
            raise DistilleryError(f"heads names {unknown}; allowed: {list(document['heads'])}")
        if heads is not None:
            keep_heads(document, heads)

    return change_params(edit)


def chain(count: int) -> dict[str, dict[str, str]]:
    """So many rounds, each labelled by the network before it."""
    return {f"r{number}": {"teacher": f"r{number - 1}" if number > 1 else TEACHER} for number in range(1, count + 1)}


def add_round(also: Callable[[Any], None] = lambda _: None) -> Params:
    """One more round at the end of params.yaml's, labelled by the last network.

    Args:
        also: what else is to change in the document.
    """

    def edit(document: Any) -> None:
        also(document)
        names = [TEACHER, *document["rounds"]]
        number = 1
        while f"r{number}" in names:
            number += 1
        document["rounds"][f"r{number}"] = {"teacher": names[-1]}

    return change_params(edit)
