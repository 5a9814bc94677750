"""``dvc repro`` killed with all its processes after so many seconds."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.world import environment

STARTING = "dvc"  # before any stage runs, or between two


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a ``dvc repro`` ended: killed, or by itself with an exit status; the stage it was in; what it printed."""

    killed: bool
    status: int
    stage: str
    seconds: float
    output: str


def repro_killed(folder: Path, seconds: float) -> Ended:
    """Run the pipeline for so many seconds at most, then kill the whole process group."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=folder,
            env=environment(folder),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        killed = False
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed = True
        output.seek(0)
        text = output.read()
    return Ended(
        killed=killed,
        status=process.returncode,
        stage=stage_of(text),
        seconds=time.monotonic() - began,
        output=text,
    )


def stage_of(output: str) -> str:
    """The stage that a ``dvc repro`` was running when its output broke off."""
    stage = STARTING
    for line in output.splitlines():
        if found := re.match(r"Running stage '([^']+)'", line):
            stage = found[1]
        elif re.match(r"(Updating|Generating) lock file|Stage '", line):
            stage = STARTING
    return stage
