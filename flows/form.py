"""What a run may be asked for: the form in the Prefect UI, and what becomes of it in params.yaml."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from distillery.errors import DistilleryError
from distillery.files import whole_file
from distillery.params import TEACHER, Params
from distillery.params.inference import View
from distillery.params.selection import Selection
from distillery.params.study import keep_heads
from tasks.support.command import PARAMS, read_params
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
OPEN_ROUND = LOCKS / "round"  # remembers the round that was added last, until it is made
ASKED = LOCKS / "asked.json"  # remembers params.yaml as it was before a form was filled in, and with what was asked for


@contextmanager
def filled_in(**asked: Any) -> Iterator[Params]:
    """What was asked for in params.yaml while a run goes on; it stays there if the run ends well, and is else put back.

    Args:
        asked: the fields of the form, as ``fill_in`` takes them.

    Raises:
        DistilleryError: as ``fill_in`` does.
    """
    before = PARAMS.read_text() if PARAMS.is_file() else ""  # whose absence has its own message
    _write(ASKED, json.dumps({"before": before}))
    try:
        params = fill_in(**asked)
        _write(ASKED, json.dumps({"before": before, "during": PARAMS.read_text()}))
        yield params
    except BaseException:  # to be cancelled is none of Exception
        with suppress(OSError):  # on a full disk: whoever comes next does it
            put_back()
        raise
    ASKED.unlink()


def put_back() -> None:
    """Make params.yaml what it was before a run that did not end well, unless somebody else has changed it since.

    What comes after such a run must not take its values; begun again it asks for them again.
    """
    if not ASKED.is_file():
        return
    was = json.loads(ASKED.read_text())
    now = PARAMS.read_text() if PARAMS.is_file() else ""
    if was["before"] != now == was.get("during", now):
        _write(PARAMS, was["before"])
        print(f"{PARAMS} is as it was before the run that did not end well; begun again it has its values again")
    ASKED.unlink()


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
    """One more round at the end of params.yaml's, labelled by the last network.

    It is one for a flow run, however often that is begun; one that was added by a run that did not end well is taken
    over.

    Args:
        flow_run: its id.
        also: what else is to change in the document.
    """
    mine, known = LOCKS / "rounds" / flow_run, read_params().rounds
    free = next(name for name in (f"r{number}" for number in range(1, len(known) + 2)) if name not in known)
    name = next((note.read_text() for note in (mine, OPEN_ROUND) if note.is_file()), free)
    _write(mine, name)
    if OPEN_ROUND.is_file() or name not in known:  # else this run made it before, and it has ended well since
        _write(OPEN_ROUND, name)

    def edit(document: Any) -> None:
        also(document)
        if name not in document["rounds"]:
            document["rounds"][name] = {"teacher": [TEACHER, *document["rounds"]][-1]}

    return change_params(edit)


def round_is_open() -> bool:
    """Whether a round was added by a run that has not ended well yet."""
    return OPEN_ROUND.is_file() and OPEN_ROUND.read_text() in read_params().rounds


def close_round() -> None:
    """All is up to date: what is added next is another round."""
    OPEN_ROUND.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as draft:
        draft.write_text(text)
