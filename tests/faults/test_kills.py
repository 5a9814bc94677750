"""Killed at random moments, in every stage: the same command again ends with the undisturbed bytes."""

from random import Random

import pytest

from tests.faults.room import STAGES, Room

KILLS = 3


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "faces"])
def test_a_stage_killed_again_and_again_ends_the_same(room: Room, rng: Random, stage: str):
    room.remove(stage)
    undisturbed = room.run(stage).seconds
    assert room.found(stage) == room.wanted[stage]
    room.remove(stage)
    for _ in range(KILLS):
        room.run_and_kill(stage, rng.uniform(0, undisturbed))
        half = room.found(stage)
        assert half.items() <= room.wanted[stage].items(), "what is there is whole"
    room.check(stage)
