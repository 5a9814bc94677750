"""What is dear to make is made once, for all processes that pytest runs tests in."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def make_once(name: str, factory: pytest.TempPathFactory, make: Callable[[Path], None]) -> Path:
    """A folder of this name in this session's temporary folder, made by whoever asks first; the others wait."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder.mkdir()  # what failed to be made fails again, rather than be taken for whole
            make(folder)
            made.touch()
    return folder
