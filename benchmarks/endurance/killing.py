"""``dvc repro`` killed with all its processes after so many seconds."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from tests.world import environment

PAUSE = 0.02  # seconds between two looks at the output
STARTING = "dvc"  # before any stage runs, or between two


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a ``dvc repro`` ended: killed, or by itself with an exit status; the stage it was in; what it printed."""

    killed: bool
    status: int
    stage: str
    seconds: float
    output: str


def repro_killed(folder: Path, seconds: float, *, passing: Container[str] | None = None) -> Ended:
    """Run the pipeline for so many seconds at most, then kill the whole process group.

    Args:
        passing: the seconds count from when a stage runs that is not one of these; None counts from the start.
    """
    began = time.monotonic()
    # As `make demo` does: a kill can cut DVC's own file of locks short.
    subprocess.run([sys.executable, "-m", "tasks.support.mending"], cwd=folder, env=environment(folder), check=True)
    with tempfile.NamedTemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=folder,
            env=environment(folder),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        killed = False
        while passing is not None and process.poll() is None:
            if (stage := stage_of(Path(output.name).read_text())) != STARTING and stage not in passing:
                break
            time.sleep(PAUSE)
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
