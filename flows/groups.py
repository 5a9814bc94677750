"""Process groups: who is in one, and its end."""

import os
import signal
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


def end(group: int, patience: float, *, by_leader: bool = False) -> None:
    """Ask a group to end, give it so many seconds, then kill what is left, and see it gone.

    Asked at once, before anything is looked up: whoever ends a group may be about to be killed.

    Args:
        by_leader: ask the leader alone, who ends the others in their order; all of them where it is gone.
    """
    with suppress(ProcessLookupError, PermissionError):
        if by_leader and psutil.pid_exists(group):
            os.kill(group, signal.SIGTERM)
        else:
            os.killpg(group, signal.SIGTERM)
    psutil.wait_procs(members(group), patience)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
        psutil.wait_procs(members(group), patience)
