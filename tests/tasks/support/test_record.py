import sqlite3
from pathlib import Path

import polars as pl
import pytest
from mlflow.exceptions import MlflowException

from distillery.errors import DistilleryError
from distillery.files import whole_file
from distillery.params import Params, validate
from tasks.support import record
from tasks.support.record import find_experiment, named_errors, open_record
from tasks.support.tracked import tag_alarms
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
            DistilleryError, match=r"tracking\.uri: .*mlflow\.db cannot be used .*run the same command again"
        ),
        named_errors(settings),
    ):
        open_record(settings).search_experiments()


def test_a_lack_of_memory_is_known_by_what_it_led_to(settings: Params):
    with pytest.raises(MemoryError), named_errors(settings):
        raise MlflowException("") from MemoryError()


def test_too_little_memory_is_not_taken_for_a_full_disk(settings: Params):
    with pytest.raises(MemoryError, match="error return without exception set"), named_errors(settings):
        raise MlflowException("error return without exception set")


def test_a_round_that_is_surer_and_worse_is_tagged(settings: Params):
    place = {"dataset": "print", "domain": "print", "head": "gender"}
    for key, (sure, right) in {"r1": (0.7, 0.9), "r2": (0.8, 0.85)}.items():
        rows = [{**place, "metric": "confidence", "value": sure}, {**place, "metric": "precision", "value": right}]
        Path(f"data/rounds/{key}/evaluation").mkdir(parents=True, exist_ok=True)
        table = pl.DataFrame(rows).with_columns(low="value", high="value")
        table.write_csv(f"data/rounds/{key}/evaluation/audit.csv")
    client = open_record(settings)
    found = client.create_run(find_experiment(client, settings), run_name="x").info.run_id
    tag_alarms(client, found, ["r1"])
    assert "alarm" not in client.get_run(found).data.tags
    tag_alarms(client, found, ["r1", "r2"])
    assert client.get_run(found).data.tags["alarm"].startswith("gender on print, r1 to r2: confidence rose from 0.700")
