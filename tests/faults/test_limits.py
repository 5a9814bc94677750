"""Too few open files, too little memory: an error says so, nothing is half, nothing is taken for damaged."""

import re

import pytest

from tests.faults.room import STAGES, Done, Room, assert_clear

PLAIN = [stage for stage in STAGES if stage != "faces"]  # warp wants gigabytes of address space
MEGABYTE = 1 << 20
# polars, torch and the C++ library end the process themselves when an allocation fails inside them: no line of ours
# can be printed then, and what they print names memory. So does a segmentation fault of theirs, which prints nothing.
MEMORY = "(?i)memory|alloc|create a primitive|system_error|start new thread"
ABORT, SEGMENTATION_FAULT = -6, -11


@pytest.mark.parametrize("stage", PLAIN)
def test_too_few_open_files_are_named_and_no_image_is_taken_for_damaged(room: Room, stage: str):
    ended = []
    for files in (5, 6, 7, 8, 10, 12):
        room.remove(stage)
        done = room.run(stage, limits={"NOFILE": files})
        if done.status == 0:
            assert room.found(stage) == room.wanted[stage], f"{files} open files: other bytes"
        elif "panicked at" not in done.output:  # polars' own words, when its threads cannot start
            assert_clear(done, "(?i)too many open files")
        ended.append(done.status)
    assert set(ended) != {0}, "the limit binds"
    room.check(stage)


@pytest.mark.parametrize("stage", PLAIN)
def test_too_little_memory_leaves_nothing_half(room: Room, stage: str):
    ended = []
    for megabytes in (2, 16, 48, 128, 256):
        room.remove(stage)
        done = room.run(stage, limits={"AS": megabytes * MEGABYTE})
        if done.status == 0:
            assert room.found(stage) == room.wanted[stage]
        else:
            _assert_memory_is_named(done)
            assert room.found(stage).items() <= room.wanted[stage].items(), "what is there is whole"
        ended.append(done.status)
    assert set(ended) != {0}, "the limit binds"
    room.check(stage)


@pytest.mark.parametrize("stage", PLAIN)
def test_too_little_memory_for_threads_is_said_before_anything_is_done(room: Room, stage: str):
    """In the middle of a query polars would wait for ever."""
    room.remove(stage)
    done = room.run(stage, limits={"AS": 12 * MEGABYTE})
    assert_clear(done, r"out of memory or of processes: started \d+ of \d+ threads", "run the same command again")
    room.check(stage)


def _assert_memory_is_named(done: Done) -> None:
    """In whose words ever: libraries fail where they please, and with an error of their own."""
    assert done.status in (1, ABORT, SEGMENTATION_FAULT), done.output
    assert done.status == SEGMENTATION_FAULT or re.search(MEMORY, done.output), done.output[-1500:]
