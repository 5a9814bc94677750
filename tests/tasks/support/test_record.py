import sqlite3
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from distillery.errors import DistilleryError
from distillery.files import whole_file
from distillery.params import Params, validate
from tasks.support import record
from tasks.support.record import named_errors, open_record
from tests.world import small_params

FILE = Path("runs/mlflow.db")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    return validate(small_params(), "params")


def test_a_database_whose_making_was_killed_is_made_again(settings: Params, monkeypatch: pytest.MonkeyPatch):
    class Killed(BaseException):
        pass

    def die(path: Path):
        with sqlite3.connect(path) as half:
            half.execute("create table spans (x integer)")
        half.close()
        raise Killed

    monkeypatch.setattr(record, "_make_schema", die)
    with pytest.raises(Killed):
        open_record(settings)
    assert not FILE.exists(), "half a schema is never found under its name"
    monkeypatch.undo()
    monkeypatch.chdir(FILE.absolute().parents[1])
    assert open_record(settings).create_experiment("one")
    assert open_record(settings).get_experiment_by_name("one")
    with whole_file(FILE):  # nobody holds it
        pass


def test_a_damaged_database_is_named_in_one_line(settings: Params):
    FILE.parent.mkdir()
    FILE.write_bytes(b"no database" * 500)
    with (
        pytest.raises(
            DistilleryError, match=r"tracking\.uri: .*mlflow\.db cannot be written .*run the same command again"
        ),
        named_errors(settings),
    ):
        open_record(settings).search_experiments()


def test_too_little_memory_is_not_taken_for_a_full_disk(settings: Params):
    with pytest.raises(MemoryError, match="error return without exception set"), named_errors(settings):
        raise MlflowException("error return without exception set")
