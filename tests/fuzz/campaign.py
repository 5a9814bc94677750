"""Runs targets: in this process for tests, or each in its own, which survives what kills it, with a table at the end."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.targets import make_target
from tests.world import ROOT

SECONDS_AN_INPUT = 5  # of the processor; more is a hang

HANG = 3600  # seconds a target


def run_target(name: str, folder: Path, *, inputs: int, repeatable: bool) -> int:
    """Try inputs until one breaks the target's property, which raises; returns how many were tried."""
    target = make_target(name, folder)
    tried = 0

    @settings(
        max_examples=inputs,
        deadline=None,  # of the clock on the wall, which a busy machine moves
        database=None,
        derandomize=repeatable,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def attempt(found: Any) -> None:
        nonlocal tried
        tried += 1
        start = time.process_time()
        target.check(found, folder)
        assert time.process_time() - start < SECONDS_AN_INPUT

    attempt()
    return tried


def run_campaign(names: list[str], inputs: int) -> bool:
    """Print a line per target: inputs tried, seconds, outcome. Returns whether all of them held."""
    print(f"{'target':20} {'inputs':>8} {'seconds':>8}  outcome", flush=True)
    total, failed, start = 0, [], time.monotonic()
    for name in names:
        begun = time.monotonic()
        command = [sys.executable, "-m", "tests.fuzz", "--target", name, "--inputs", str(inputs)]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=HANG)
        tried = int(done.stdout.split()[-1]) if done.returncode == 0 else 0
        total += tried
        outcome = "held" if done.returncode == 0 else f"BROKEN (exit {done.returncode})"
        print(f"{name:20} {tried:8,} {time.monotonic() - begun:8.0f}  {outcome}", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stderr[-3000:], flush=True)
    print(f"{'all':20} {total:8,} {time.monotonic() - start:8.0f}  {len(failed)} broken", flush=True)
    return not failed
