"""Hashes of the code that an artefact follows from: DVC watches it between runs, this within an interrupted one."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[2]
EMOTIONS = ("distillery/emotions.py", "distillery/emotions.csv")
TRAINING = ("distillery/training", "distillery/losses", "distillery/networks", "distillery/images", *EMOTIONS)
DECODING = ("distillery/images/decoding.py", "distillery/images/shards.py")
RENDERING = ("distillery/faces", *EMOTIONS)
LABELLING = ("distillery/labelling", "distillery/networks", "distillery/images")


def code_hash(packages: tuple[str, ...]) -> str:
    """A 128-bit hash of the sources of packages and modules."""
    digest = hashlib.blake2b(digest_size=16)
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")) or [ROOT / package]:
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()
