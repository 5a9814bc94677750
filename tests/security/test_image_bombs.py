import json
import subprocess
import sys

import pytest

from tests.world import ROOT

# Reading them as a plain Image.open and load would takes gigabytes, minutes, or another program.
ANSWERS = {
    "declares-60000.png": "too large",
    "endless-pixels.png": "read (64, 64)",
    "compressed-text.png": "damaged: Decompressed data too large",
    "compressed-profile.png": "damaged: Decompressed data too large",
    "many-texts.png": "damaged: Too much memory used in text chunks",
    "overlapping-exif.png": "read (64, 64)",
    "declares-4000000000.tiff": "too large",
    "overlapping-tags.tiff": "damaged: the header does not end",
    "huge-tile.tiff": "too large: 32768x32768",
    "many-samples.tiff": "not an image",
    "many-frames.gif": "read (64, 64)",
    "many-frames.tiff": "read (64, 64)",
    "frame-beyond-screen.gif": "too large",
    "endless-comment.gif": "damaged: the header does not end",
    "endless-exif.jpg": "damaged: the header does not end",
    "many-scans.jpg": "damaged: 3010 scans, at most 100",
    "endless-comment.ppm": "damaged: the header does not end",
    "endless-number.ppm": "damaged",
    "declares-30000.bmp": "too large",
    "program.eps": "not an image",
    "still.icns": "not an image",
    "huge-tag.tiff": "damaged: the header does not end",
    "huge-chunk.png": "damaged: the header does not end",
    "huge-file.tiff": "too large: 8589934592 bytes",
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What each bomb took, decoded in a process that made none of them."""
    folder = tmp_path_factory.mktemp("bombs")
    command = [sys.executable, "-m", "tests.security.bombs", str(folder)]
    subprocess.run([*command, "write"], cwd=ROOT, check=True, timeout=120)
    done = subprocess.run(command, cwd=ROOT, check=True, timeout=120, stdout=subprocess.PIPE, text=True)
    return {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_bomb_is_answered_quickly_and_in_little_memory(measured: dict[str, dict], name: str):
    found = measured[name]
    assert found["answer"].startswith(ANSWERS[name])
    assert len(found["answer"]) < 250
    assert found["seconds"] < 5
    assert found["megabytes"] < 100


def test_every_bomb_was_tried(measured: dict[str, dict]):
    assert set(measured) == set(ANSWERS)
