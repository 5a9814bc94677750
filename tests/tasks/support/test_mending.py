import json
from pathlib import Path

import pytest

from tasks.support.mending import LOCKS, mend_locks
from tests.world import call


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
