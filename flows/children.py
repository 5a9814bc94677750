"""Processes that are started and ended together; what a kill left of those of before is ended first."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from distillery.errors import DistilleryError
from distillery.files import whole_file
from tasks.support.locks import try_lock
from tasks.support.paths import LOCKS

LOCK, NOTE = LOCKS / "serving.lock", LOCKS / "serving.json"
GRACE = 10.0  # seconds in which a stage that was asked to end saves its work
PATIENCE = 20.0  # seconds between asking one to end and ending it


@contextmanager
def children(environment: dict[str, str]) -> Iterator[Callable[[list[str]], psutil.Popen]]:
    """A function that starts ``python -m <command>``; all that it started are ended at the end, the last one first.

    Raises:
        DistilleryError: another process has such children in this folder.
    """
    started: list[psutil.Popen] = []

    def start(command: list[str]) -> psutil.Popen:
        started.append(psutil.Popen([sys.executable, "-m", *command], env=environment, start_new_session=True))
        with whole_file(NOTE) as draft:
            draft.write_text(json.dumps([(child.pid, child.create_time()) for child in started]))
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
    with LOCK.open("a+") as file:
        if not try_lock(file):
            file.seek(0)
            other = f"this folder is served already, by process {file.read()}"
            raise DistilleryError(f"{other}: end that one first, by ctrl-C in its terminal or by kill")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _end_orphans() -> None:
    """End what was started here by a process that was killed outright."""
    for group, begun in reversed(json.loads(NOTE.read_text()) if NOTE.is_file() else []):
        if _is_ours(_members(group), group, begun):
            print(f"still there after a kill, and ended now: process group {group}", flush=True)
            _end(group)


def _members(group: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group:
                found.append(process)
    return found


def _is_ours(members: list[psutil.Process], group: int, begun: float) -> bool:
    """Whether a group is still the one that was noted: numbers come again, and it may be somebody else's now."""
    for process in members:
        with suppress(psutil.Error):
            if process.pid == group:
                return abs(process.create_time() - begun) < 1
            if process.cwd() == os.getcwd():
                return True
    return False


def _below(leaders: list[psutil.Process]) -> list[psutil.Process]:
    """What they started, and what that did: a flow's stage has a group of its own, and may outlive the flow."""
    found = []
    for leader in leaders:
        with suppress(psutil.NoSuchProcess):
            found += leader.children(recursive=True)
    return found


def _end(group: int) -> None:
    """Ask the leader of a process group to end, or where it is gone each of the others, then end what is left."""
    members = _members(group)
    asked = [process for process in members if process.pid == group] or members
    below = _below(asked)
    for process in asked:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(asked, PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    _, left = psutil.wait_procs(below, GRACE)  # asked by the flow that they belong to, as its last act
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(left, GRACE)
