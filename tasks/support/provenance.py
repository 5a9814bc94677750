"""Hashes of the code that an artefact follows from: DVC watches it between runs, this within an interrupted one."""

import hashlib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
# A picture's pixels follow from no more of their stages than this.
DECODING = ("distillery/images/decoding.py", "distillery/images/shards.py")
RENDERING = ("distillery/faces", "distillery/emotions.py", "distillery/emotions.csv")


def stage_code(stage: str, pipeline: str = "dvc.yaml") -> str:
    """A 128-bit hash of the sources on which a stage depends by its ``deps``: what has DVC run it again."""
    found = yaml.safe_load((ROOT / pipeline).read_text())["stages"][stage]
    return code_hash(tuple(dep for dep in found.get("do", found)["deps"] if dep.startswith(("distillery", "tasks"))))


def code_hash(packages: tuple[str, ...]) -> str:
    """A 128-bit hash of the sources of packages and modules."""
    digest = hashlib.blake2b(digest_size=16)
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")) or [ROOT / package]:
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()
