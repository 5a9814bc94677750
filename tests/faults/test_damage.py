"""One damaged byte in anything that a stage reads: an error that names it, or the undisturbed bytes; never other bytes.

DVC does not notice damage in its own cache (an object there is read-only, and so believed); the reading stage does.
"""

import subprocess
from hashlib import md5
from pathlib import Path
from random import Random

import pytest

from tests.faults.room import Room, assert_clear
from tests.faults.test_checkpoints import flip, truncate
from tests.world import call, remove, stages_run

# What is damaged, and who reads it.
READ = [
    ("data/manifest.parquet", "images"),
    ("data/manifest.parquet", "teacher"),
    ("data/manifest.parquet", "predictions"),
    ("data/images/*", "teacher"),
    ("data/images/*", "predictions"),
    ("models/r0/weights.safetensors", "predictions"),
    ("models/r0/card.json", "predictions"),
    ("models/r1/weights.safetensors", "evaluation"),
    ("models/r1/history.parquet", "evaluation"),
    ("data/rounds/r1/predictions/*", "pseudo_labels"),
    ("data/rounds/r1/pseudo_labels.parquet", "student"),
    ("data/rounds/r1/pseudo_labels.parquet", "evaluation"),
]
FLIPS = 5


@pytest.mark.parametrize(("pattern", "stage"), READ)
def test_a_flipped_byte_is_named_or_without_effect(room: Room, rng: Random, pattern: str, stage: str):
    files = sorted(room.folder.glob(pattern))
    for damage in [flip] * FLIPS + [truncate]:
        path = rng.choice(files)
        intact = path.read_bytes()
        damage(path, rng)
        room.remove(stage)
        done = room.run(stage)
        if done.status == 0:
            assert _followed(room.found(stage)) == _followed(room.wanted[stage]), f"damaged {path.name} was believed"
        else:
            assert_clear(done, path.parent.name if "*" in pattern else path.name)
        path.write_bytes(intact)
    room.remove(stage)
    room.check(stage)


def _followed(found: dict[str, bytes]) -> dict[str, bytes]:
    """What follows from the content that was read: a model's card names the very bytes too."""
    return {name: content for name, content in found.items() if not name.endswith("card.json")}


CACHED = [
    ("models/r0/weights.safetensors", "predictions"),
    ("data/rounds/r1/pseudo_labels.parquet", "student"),
    ("data/images/00000.arrow", "teacher"),
]


@pytest.mark.parametrize(("name", "stage"), CACHED)
def test_damage_in_the_cache_of_dvc_passes_dvc_and_stops_at_the_stage_that_reads(room: Room, name: str, stage: str):
    path = room.folder / name
    intact = path.read_bytes()
    digest = md5(intact).hexdigest()
    cached = room.folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    cached.chmod(0o644)
    middle = len(intact) // 2
    cached.write_bytes(intact[:middle] + bytes([intact[middle] ^ 1]) + intact[middle + 1 :])
    cached.chmod(0o444)
    remove(path)
    # DVC checks out what it has and calls it up to date.
    assert "is cached" in call(room.folder, "dvc", "repro")
    assert path.read_bytes() == cached.read_bytes() != intact
    room.remove(stage)
    assert_clear(room.run(stage), path.parent.name)
    # The remedy: without the object DVC makes the artefact again.
    cached.unlink()
    remove(path)
    assert stages_run(call(room.folder, "dvc", "repro")) != []
    assert path.read_bytes() == intact
    assert subprocess.run(["git", "diff", "--quiet", "--", "dvc.lock"], cwd=room.folder, check=False).returncode == 0


def test_half_a_parquet_file_is_no_artefact(room: Room, rng: Random):
    path = Path(room.folder / "data/rounds/r1/predictions/00000.parquet")
    truncate(path, rng)
    room.remove("pseudo_labels")
    assert_clear(room.run("pseudo_labels"), path.name)
