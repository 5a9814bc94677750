"""A full disk wherever a stage writes: which file did not fit, no half of it, and with room again the same bytes."""

import pytest

from tests.faults.room import STAGES, Room, assert_clear

ROUND = "data/rounds/r1"
SEEN = ("raw", "manifest.parquet", "ledger.parquet", "images", "rounds", "promotion.json", "views.csv")
# The stage, the folder on a small disk, its bytes, and what of the folder stays in sight.
DISKS = [
    ("faces", "data/raw", 50_000, ("studio", "webcam")),
    ("manifest", "data", 8_000, ("raw",)),
    ("images", "data", 60_000, ("raw", "manifest.parquet")),
    ("teacher", ".checkpoints", 60_000, ()),
    ("teacher", "models", 60_000, ()),
    ("predictions", ".checkpoints", 30_000, ()),
    ("predictions", ROUND, 30_000, ()),
    ("pseudo_labels", ROUND, 30_000, ("predictions",)),
    ("student", ".checkpoints", 60_000, ()),
    ("student", "models", 60_000, ()),
    ("evaluation", ROUND, 8_000, ("predictions", "pseudo_labels.parquet")),
    ("report", "data", 60_000, SEEN),
]


@pytest.mark.parametrize(("stage", "folder", "size", "keep"), DISKS, ids=[f"{d[0]}-{d[1]}" for d in DISKS])
def test_a_full_disk_is_named_and_loses_nothing(room: Room, stage: str, folder: str, size: int, keep: tuple[str, ...]):
    room.remove(stage)
    with room.small_disk(folder, size, keep):
        done = room.run(stage)
        assert_clear(done, r"(?i)disk is full|no space left", folder)
        assert room.found(stage).items() <= room.wanted[stage].items(), "what is there is whole"
        room.enlarge_disk(50_000_000)
        room.check(stage)
        drafts = [path for path in (room.inside / folder).rglob("*") if path.name.endswith(".tmp")]
        assert drafts == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_read_only_folder_is_named(room: Room, stage: str):
    room.remove(stage)
    folder = "models" if stage in ("teacher", "student") else "data"
    with room.read_only(folder):
        assert_clear(room.run(stage), "(?i)read-only", folder)
    room.check(stage)


@pytest.mark.parametrize("stage", ["teacher", "predictions"])
def test_read_only_checkpoints_are_named(room: Room, stage: str):
    room.remove(stage)
    with room.read_only(".checkpoints"):
        assert_clear(room.run(stage), "(?i)read-only", ".checkpoints")
    room.check(stage)
