import json
from pathlib import Path

import pytest
import yaml

from tasks.support.mending import LOCKS, RECORDS, mend_locks, mend_record
from tests.world import call, stages_run

RECORD = RECORDS[0]


@pytest.mark.parametrize("content", ["", '{"/x/data": {"write": {"pid":', "\x00\x00"])
def test_locks_that_were_cut_short_are_removed_and_dvc_works_again(world: Path, content: str):
    LOCKS.write_text(content)
    assert "RWLock-file" in call(world, "dvc", "repro", check=False)
    assert mend_locks()
    assert "RWLock-file" not in call(world, "dvc", "repro")


def test_sound_locks_and_none_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert not mend_locks()
    LOCKS.parent.mkdir(parents=True)
    LOCKS.write_text(json.dumps({"/x": {"write": {"pid": 1, "cmd": "dvc"}}}))
    assert not mend_locks()
    assert LOCKS.is_file()


RECORD_OF_TWO = """schema: '2.0'
stages:
  first:
    cmd: make first
    outs:
    - path: data/one
      hash: md5
      md5: 0123.dir
      size: 10
      nfiles: 2
  second:
    cmd: make second
    params:
      params.yaml:
        seed: 0
    outs:
    - path: data/two
      hash: md5
      md5: '4567'
      size: 12345
"""
FIRST = RECORD_OF_TWO.index("  second:")


@pytest.mark.parametrize("length", range(len(RECORD_OF_TWO)))
def test_of_a_record_cut_at_any_byte_the_whole_entries_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
):
    monkeypatch.chdir(tmp_path)
    RECORD.write_text(RECORD_OF_TWO[:length])
    assert mend_record() == (length != FIRST)
    if length >= FIRST:
        assert RECORD.read_text() == RECORD_OF_TWO[:FIRST]
    else:
        assert not RECORD.exists()


def test_a_sound_record_and_none_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert not mend_record()
    RECORD.write_text(RECORD_OF_TWO)
    assert not mend_record()
    assert RECORD.read_text() == RECORD_OF_TWO


def test_dvc_goes_on_from_a_record_that_was_cut_short_and_writes_the_same_one(world: Path):
    call(world, "dvc", "repro")
    whole = RECORD.read_bytes()
    for size in (0, 8192, len(whole) - 3):
        RECORD.write_bytes(whole[:size])
        assert "dvc.lock" in call(world, "dvc", "repro", check=False)
        RECORD.write_bytes(whole[:size])
        assert mend_record()
        assert stages_run(call(world, "dvc", "repro")) == []
        # What does not depend on one another DVC may write in another order.
        assert yaml.safe_load(RECORD.read_bytes()) == yaml.safe_load(whole)
