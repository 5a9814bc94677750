"""Hashes of the code that an artefact follows from: DVC watches it between runs, this within an interrupted one."""

import hashlib
from pathlib import Path

import torch

from distillery.params import Params

ROOT = Path(__file__).parents[2]
TRAINING = ("distillery/training", "distillery/losses", "distillery/networks", "distillery/images")
LABELLING = ("distillery/labelling", "distillery/networks", "distillery/images")


def code_hash(packages: tuple[str, ...]) -> str:
    """A 128-bit hash of the packages' sources."""
    digest = hashlib.blake2b(digest_size=16)
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def machine(params: Params) -> dict[str, str]:
    """What else decides how sums round."""
    return {"torch": torch.__version__, "threads": str(params.threads), "device": params.device}
