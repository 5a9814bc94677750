"""Damaged checkpoints: the one before is taken, or the work is done anew, and the end has the undisturbed bytes."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from tests.faults.room import STAGES, Room
from tests.world import edit_params, remove

Damage = Callable[[Path, Random], None]


def truncate(path: Path, rng: Random) -> None:
    path.write_bytes(path.read_bytes()[: rng.randrange(max(1, path.stat().st_size))])


def flip(path: Path, rng: Random, footer: int = 0) -> None:
    content = bytearray(path.read_bytes() or b"0")
    content[rng.randrange(len(content) - footer)] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def flip_content(path: Path, rng: Random) -> None:
    """A Parquet footer cannot hold its own checksum: what is flipped there is an error or without effect."""
    footer = pq.read_metadata(path).serialized_size + 8 if path.suffix == ".parquet" else 0
    flip(path, rng, footer)


def empty(path: Path, rng: Random) -> None:
    path.write_bytes(b"")


def be_a_folder(path: Path, rng: Random) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [truncate, flip_content, flip_content, flip_content, empty]


def kept(room: Room) -> list[Path]:
    """The files that wait in .checkpoints, the newest first."""
    found = [path for path in (room.folder / ".checkpoints").rglob("*") if path.is_file() and path.suffix != ".tmp"]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def interrupted_teacher(room: Room) -> None:
    """Two generations of checkpoints lie there; every step makes one."""
    edit_params(room.folder, lambda params: params["teacher"].update(save_every=0.001))
    room.remove("teacher")
    assert room.run("teacher").status == 0
    room.wanted["teacher"] = room.found("teacher")
    room.remove("teacher")
    assert room.kill_when("teacher", lambda: len(kept(room)) >= 2)


@pytest.mark.parametrize("both", [False, True], ids=["the last", "both generations"])
def test_training_ends_bit_identical_from_damaged_checkpoints(room: Room, rng: Random, tmp_path: Path, both: bool):
    interrupted_teacher(room)
    shutil.copytree(room.folder / ".checkpoints", tmp_path / "intact")
    for damage in DAMAGES if both else [*DAMAGES, be_a_folder]:
        remove(room.folder / ".checkpoints")
        shutil.copytree(tmp_path / "intact", room.folder / ".checkpoints")
        for path in kept(room) if both else kept(room)[:1]:
            damage(path, rng)
        room.check("teacher")
        room.remove("teacher")


def test_a_checkpoint_of_another_run_is_not_taken(room: Room):
    interrupted_teacher(room)
    edit_params(room.folder, lambda params: params.update(seed=1))
    other = room.run("teacher")
    assert other.status == 0
    assert room.found("teacher") != room.wanted["teacher"]
    room.remove("teacher")
    assert room.kill_when("teacher", lambda: len(kept(room)) >= 2)
    edit_params(room.folder, lambda params: params.update(seed=0))
    room.check("teacher")


@pytest.mark.parametrize("stage", ["faces", "images", "predictions", "evaluation"])
def test_a_stage_does_its_damaged_parts_anew(room: Room, rng: Random, tmp_path: Path, stage: str):
    edit_params(room.folder, lambda params: params["images"].update(shard=40))
    room.remove("images")
    assert room.run("images").status == 0
    room.wanted["images"] = room.found("images")
    room.remove(stage)
    assert room.kill_when(stage, lambda: len(kept(room)) >= 1), f"{stage} keeps nothing before it ends"
    shutil.copytree(room.folder / ".checkpoints", tmp_path / "intact")
    for damage in DAMAGES:
        remove(room.folder / ".checkpoints")
        shutil.copytree(tmp_path / "intact", room.folder / ".checkpoints")
        for path in kept(room):
            damage(path, rng)
        room.check(stage)
        room.remove(stage)


def test_nothing_of_a_finished_stage_waits(room: Room):
    for stage in STAGES:
        room.remove(stage)
        room.check(stage)
        assert kept(room) == [], stage
