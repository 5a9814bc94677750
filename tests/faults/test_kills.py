"""Killed at random moments, in every stage: the same command again ends with the undisturbed bytes."""

from collections.abc import Container
from pathlib import Path
from random import Random

import pytest
import yaml

from benchmarks.endurance.killing import repro_killed
from tests.faults.room import STAGES, Room
from tests.world import call, remove, stages_run

KILLS = 3


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_killed_again_and_again_ends_the_same(room: Room, rng: Random, stage: str):
    room.remove(stage)
    undisturbed = room.run(stage).seconds
    assert room.found(stage) == room.wanted[stage]
    room.remove(stage)
    for _ in range(KILLS):
        room.kill_after(stage, rng.uniform(0, undisturbed))
        assert room.found(stage).items() <= room.wanted[stage].items(), "what is there is whole"
    room.check(stage)


def test_ten_kills_of_dvc_and_its_stages_end_with_the_undisturbed_lock(world: Path, rng: Random):
    wanted = yaml.safe_load((world / "dvc.lock").read_text())
    forget(world, kept=("faces@studio", "faces@webcam"))
    killed: list[str] = []
    passed: list[str] = []
    while len(killed) < 10:
        kill = repro_killed(world, rng.uniform(0, 3), passing=passed)
        if kill.killed:
            killed.append(kill.stage)
            passed.append(kill.stage)
        else:  # the last stage ended in time: once more from the one before
            assert yaml.safe_load((world / "dvc.lock").read_text()) == wanted
            forget(world, kept=set(wanted["stages"]) - {"evaluation@r1", "few_shot@r1", "promotion", "report"})
            passed = []
    assert len(set(killed)) >= 7, "kills in different stages"
    output = call(world, "dvc", "repro")
    assert stages_run(output)[-1] == "report"
    assert yaml.safe_load((world / "dvc.lock").read_text()) == wanted
    assert call(world, "dvc", "status", "dvc.yaml").strip() == "Data and pipelines are up to date."


def forget(world: Path, kept: Container[str]) -> None:
    """Leave of a finished world what these stages wrote: the others have never run."""
    lock = yaml.safe_load((world / "dvc.lock").read_text())
    for stage in set(lock["stages"]) - {name for name in lock["stages"] if name in kept}:
        for out in lock["stages"].pop(stage)["outs"]:
            remove(world / out["path"])
    (world / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    for folder in (".checkpoints", "runs", ".dvc/cache/runs"):
        remove(world / folder)
