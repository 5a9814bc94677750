"""Two at once in one tree: the second is told, and nothing is damaged."""

import subprocess
import sys
import time
from pathlib import Path

import yaml

from tests.faults.room import Room
from tests.world import call, environment


def test_a_second_dvc_is_told_that_the_first_is_busy(world: Path):
    wanted = yaml.safe_load((world / "dvc.lock").read_text())
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "student@r1"]
    first = subprocess.Popen(
        command, cwd=world, env=environment(world), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert first.stdout
    while not (line := first.stdout.readline()).startswith("Running stage"):
        assert line, "the first one ended before it ran anything"
    second = subprocess.run(
        command, cwd=world, env=environment(world), capture_output=True, text=True, check=False, timeout=60
    )
    assert second.returncode != 0
    assert "is busy, it is being blocked by" in second.stderr
    output = first.communicate(timeout=120)[0]
    assert first.returncode == 0, output
    assert yaml.safe_load((world / "dvc.lock").read_text()) == wanted
    assert call(world, "dvc", "status", "dvc.yaml").strip() == "Data and pipelines are up to date."


def test_two_of_one_stage_without_dvc_leave_the_undisturbed_bytes(room: Room):
    for stage in ("manifest", "images", "teacher", "predictions", "pseudo_labels", "evaluation", "report"):
        for pause in (0.0, 0.05):
            room.remove(stage)
            first = room.start(stage)
            time.sleep(pause)
            second = room.start(stage)
            ended = [room.end(stage, first), room.end(stage, second)]
            assert 0 in [done.status for done in ended], ended[0].output
            assert room.found(stage) == room.wanted[stage], stage
        room.remove(stage)
        room.check(stage)
