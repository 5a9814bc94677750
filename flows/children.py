"""Processes that are started and ended together; what a kill left of those of before is ended first."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from distillery.errors import DistilleryError
from distillery.files import whole_file
from tasks.support.paths import LOCKS

LOCK, NOTE = LOCKS / "serving.lock", LOCKS / "serving.json"
PATIENCE = 20.0  # seconds between asking one to end and ending it


@contextmanager
def children(environment: dict[str, str]) -> Iterator[Callable[[list[str]], subprocess.Popen[bytes]]]:
    """A function that starts ``python -m <command>``; all that it started are ended at the end, the last one first.

    Raises:
        DistilleryError: another process has such children in this folder.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str]) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-m", *command], env=environment, start_new_session=True))
        with whole_file(NOTE) as draft:
            draft.write_text(json.dumps([child.pid for child in started]))
        return started[-1]

    with _alone():
        _end_orphans()
        try:
            yield start
        finally:
            for child in reversed(started):
                _end(child.pid)
                child.wait()
            NOTE.unlink(missing_ok=True)


@contextmanager
def _alone() -> Iterator[None]:
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DistilleryError("this folder is served already: end that one by ctrl-C first") from None
        yield


def _end_orphans() -> None:
    """End what was started here by a process that was killed outright."""
    for group in reversed(json.loads(NOTE.read_text()) if NOTE.is_file() else []):
        if _is_ours(group):
            print(f"still there after a kill, and ended now: process group {group}", flush=True)
            _end(group)


def _is_ours(group: int) -> bool:
    """Whether one of a process group works in this folder: numbers come again, and this may be somebody else's now."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == group and process.cwd() == os.getcwd():
                return True
    return False


def _end(group: int) -> None:
    """Ask the leader of a process group to end, then end the group: what it started itself may outlive it."""
    with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        leader = psutil.Process(group)
        leader.send_signal(signal.SIGTERM)
        leader.wait(PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
