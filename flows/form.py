"""What a run may be asked for: the form in the Prefect UI, and what becomes of it in params.yaml."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from distillery.errors import DistilleryError
from distillery.files import whole_file
from distillery.params import TEACHER, Params
from distillery.params.inference import View
from distillery.params.selection import Selection
from distillery.params.study import keep_heads
from tasks.support.command import read_params
from tasks.support.editing import change_params, set_values
from tasks.support.paths import LOCKS

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
    if foreign := [key for key in asked if key.split(".")[0] == "tracking"]:
        raise DistilleryError(f"override {foreign[0]!r}: where runs are recorded is set in params.yaml alone")
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


def add_round(flow_run: str, also: Callable[[Any], None] = lambda _: None) -> Params:
    """One more round at the end of params.yaml's, labelled by the last network; one for a flow run, however often it
    is begun.

    Args:
        flow_run: its id.
        also: what else is to change in the document.
    """
    known = list(read_params().rounds)
    note = added_by(flow_run)
    if not note.is_file():
        number = 1
        while f"r{number}" in known:
            number += 1
        note.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(note) as draft:
            draft.write_text(f"r{number}")
    name = note.read_text()

    def edit(document: Any) -> None:
        also(document)
        if name not in document["rounds"]:
            document["rounds"][name] = {"teacher": [TEACHER, *document["rounds"]][-1]}

    return change_params(edit)


def added_by(flow_run: str) -> Path:
    """The file that remembers which round a flow run added."""
    return LOCKS / "rounds" / flow_run
