"""Process groups: who is in one, and its end."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress

import psutil


def members(group: int) -> list[psutil.Process]:
    """Its processes; the leader may be gone before the others are."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group:
                found.append(process)
    return found


def end(group: int, asked: Sequence[psutil.Process], patience: float) -> None:
    """Ask these of its processes to end, give them so many seconds, then kill what is left of all, and see it gone."""
    for process in asked:
        with suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(asked, patience)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
        psutil.wait_procs(members(group), patience)
