"""A clock that runs backwards and files from the future change no byte and no decision."""

import os
import re
from pathlib import Path

import pytest

from tests.faults.room import STAGES, Room
from tests.world import call, stages_run

FUTURE = 4_000_000_000  # seconds: the year 2096


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "faces"])
def test_a_clock_that_runs_backwards_changes_nothing(room: Room, stage: str):
    room.remove(stage)
    done = room.run(stage, before="tests.faults.backwards")
    assert done.status == 0, done.output
    assert room.found(stage) == room.wanted[stage]
    assert not re.search(r"(?<![\w.])-\d[\d,.]* (a second|images a second|s left|s\b)", done.output), done.output


def test_files_from_the_future_run_nothing_and_change_nothing(room: Room, world: Path):
    for folder in ("data", "models", ".checkpoints", "tasks", "distillery"):
        for path in (world / folder).rglob("*"):
            os.utime(path, (FUTURE, FUTURE))
    assert stages_run(call(world, "dvc", "repro")) == []
    for stage in ("images", "teacher", "predictions"):
        room.remove(stage)
        room.check(stage)
