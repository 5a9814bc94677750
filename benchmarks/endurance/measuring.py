"""Seconds and memory of one stage in a process of its own."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.world import environment

MIB = 1 << 20
PAUSE = 0.05  # seconds between two looks at a process


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Wall seconds; peak resident and peak anonymous memory in MiB.

    ``resident`` is the largest of the stage's processes, mapped files included; ``anonymous`` is all its processes
    together without what they map from files, which the system drops when it needs the room.
    """

    seconds: float
    resident: float
    anonymous: float


def run_stage(folder: Path, *command: str) -> Cost:
    """Run ``python -m tasks.<command>`` and watch it; its output is shown when it fails."""
    began = time.monotonic()
    log = folder / "stage.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", f"tasks.{command[0]}", *command[1:]],
            cwd=folder,
            env=environment(folder),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        anonymous = 0
        while True:
            anonymous = max(anonymous, anonymous_bytes(process.pid))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(PAUSE)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with status {process.returncode}:\n{log.read_text()[-4000:]}")
    # The system counts resident memory in KiB.
    return Cost(seconds=time.monotonic() - began, resident=usage.ru_maxrss / 1024, anonymous=anonymous / MIB)


def anonymous_bytes(pid: int) -> int:
    """Anonymous memory of a process and its children, now; 0 for one that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    own = next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon:")), 0)
    return own + sum(anonymous_bytes(int(child)) for child in children)
