import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from distillery.errors import DistilleryError
from distillery.params.inference import View
from distillery.params.selection import Selection, Threshold
from flows import form
from flows.form import ASKED, add_round, close_round, fill_in, filled_in, put_back, round_is_open
from flows.stages import StageError
from tasks.support.command import read_params
from tests.world import environment

ROOT = Path(__file__).parents[2]
FORM: dict = dict.fromkeys(("rounds", "heads", "views", "selection", "overrides"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The committed parameters, as the working directory's."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_filled_in_goes_to_params_yaml():
    views = [View(kind="identity"), View(kind="shift", amount=(0.1, 0.0))]
    sure = Selection(rules=(Threshold(kind="threshold", least=0.9),), targets="hard")
    found = fill_in(3, None, views, {"gender": sure}, {"student.epochs": 9})
    assert found == read_params()
    assert {key: one.teacher for key, one in found.rounds.items()} == {"r1": "r0", "r2": "r1", "r3": "r2"}
    assert list(found.predictions.views) == views
    assert found.pseudo_labels.heads["gender"] == sure
    assert (found.student.epochs, found.teacher.epochs) == (9, 20)
    assert len(found.evaluation.views) == 6, "it had the old ones by an anchor"


def test_an_empty_form_changes_nothing(folder: Path):
    before = (folder / "params.yaml").read_bytes()
    assert fill_in(None, None, None, None, None) == read_params()
    assert (folder / "params.yaml").read_bytes() == before


def test_no_round_at_all_is_a_teacher():
    assert fill_in(0, None, None, None, None).models == ["r0"]


def test_some_heads_are_kept_with_all_that_names_them():
    found = fill_in(None, ["gender", "age"], None, None, None)
    assert list(found.heads) == ["age", "gender"]
    assert list(found.pseudo_labels.heads) == ["age", "gender"]
    assert list(found.teacher.mixing) == ["studio"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"heads": ["gender", "mood"]}, r"heads names \['mood'\]; allowed: \['age', 'gender'"),
        ({"heads": ["action_units", "compound"]}, r"heads\.compound"),
        ({"overrides": {"student.epoch": 1}}, r"student\.epoch: unknown key"),
        ({"overrides": {"tracking.uri": "http://x"}}, r"override 'tracking\.uri': where runs are recorded"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_written(folder: Path, asked: dict, message: str):
    before = (folder / "params.yaml").read_bytes()
    with pytest.raises(DistilleryError, match=message):
        fill_in(**FORM | asked)
    assert (folder / "params.yaml").read_bytes() == before


def test_one_more_round_follows_the_last_and_takes_a_free_name():
    assert list(add_round("a").rounds.items())[-1][1].teacher == "r2"
    fill_in(None, None, None, None, {"rounds": {"r2": {"teacher": "r0"}}})
    close_round()
    found = add_round("b")
    assert {key: one.teacher for key, one in found.rounds.items()} == {"r2": "r0", "r1": "r2"}


def test_a_flow_run_adds_one_round_however_often_it_is_begun():
    assert list(add_round("a").rounds) == list(add_round("a").rounds) == ["r1", "r2", "r3"]
    close_round()
    assert list(add_round("a").rounds) == ["r1", "r2", "r3"], "killed as it ended"
    close_round()
    assert list(add_round("b").rounds) == ["r1", "r2", "r3", "r4"]


def test_a_round_that_was_made_since_is_not_open_again():
    add_round("a")
    add_round("b")
    close_round()
    assert list(add_round("a").rounds) == ["r1", "r2", "r3"]
    assert not round_is_open()


def test_a_round_that_was_never_written_is_not_open():
    def refuse(_: object) -> None:
        raise DistilleryError("no")

    with pytest.raises(DistilleryError):
        add_round("a", refuse)
    assert not round_is_open()


def test_a_round_that_a_run_left_open_is_taken_over():
    assert not round_is_open()
    add_round("a")
    assert round_is_open()
    assert list(add_round("b").rounds) == ["r1", "r2", "r3"]
    close_round()
    assert not round_is_open()


VALUES = FORM | {"rounds": 1, "heads": ["gender", "age"], "overrides": {"student.epochs": 9}}


def test_what_was_asked_for_stays_where_the_run_ends_well():
    with filled_in(**VALUES) as params:
        assert params.student.epochs == 9
    assert read_params() == params


def _run(end: BaseException, meanwhile: dict) -> None:
    with filled_in(**VALUES):
        assert fill_in(**FORM | {"overrides": meanwhile}).student.epochs == 9
        raise end


@pytest.mark.parametrize("end", [KeyboardInterrupt(), StageError("no")])
def test_what_was_asked_for_goes_where_it_does_not(folder: Path, end: BaseException):
    before = (folder / "params.yaml").read_bytes()
    with pytest.raises(type(end)):
        _run(end, {})
    assert (folder / "params.yaml").read_bytes() == before


def test_what_somebody_changed_meanwhile_is_theirs(folder: Path):
    with pytest.raises(StageError):
        _run(StageError("no"), {"seed": 5})
    assert (read_params().seed, read_params().student.epochs) == (5, 9)


KILLED = """
import os, signal, sys
from flows.form import filled_in
form = dict.fromkeys(("rounds", "heads", "views", "selection")) | {"overrides": {"student.epochs": 9}}
with filled_in(**form):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_run_that_was_killed_had_asked_for_is_put_back_by_whoever_comes_next(folder: Path):
    before = (folder / "params.yaml").read_bytes()
    for _ in range(2):
        put_back()
        assert (folder / "params.yaml").read_bytes() == before, "what comes next does not take its values"
        assert subprocess.run([sys.executable, "-c", KILLED], env=environment(ROOT), check=False).returncode == -9
        assert read_params().student.epochs == 9
    (folder / "params.yaml").write_bytes(before + b"# mine\n")
    put_back()
    assert (folder / "params.yaml").read_bytes() == before + b"# mine\n", "somebody else's"


def test_killed_before_it_knew_what_it_wrote_it_is_put_back_too(folder: Path):
    before = (folder / "params.yaml").read_bytes()
    ASKED.parent.mkdir(parents=True)
    ASKED.write_text(json.dumps({"before": before.decode()}))
    fill_in(**VALUES)
    put_back()
    assert (folder / "params.yaml").read_bytes() == before


def test_what_cannot_be_put_back_on_a_full_disk_is_later(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def full() -> None:
        raise OSError(errno.ENOSPC, "full")

    before = (folder / "params.yaml").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(form, "put_back", full)
        with pytest.raises(StageError):
            _run(StageError("no"), {})
    assert read_params().student.epochs == 9
    put_back()
    assert (folder / "params.yaml").read_bytes() == before
