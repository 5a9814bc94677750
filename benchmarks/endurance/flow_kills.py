"""Kills what `make serve` runs, part by part at random moments; every flow run must still end with the same dvc.lock.

``python -m benchmarks.endurance.flow_kills --kills 50 --seed 0 --log FILE``; under a minute a kill on two cores.

A person's part is played too: servers that ended are started again, a run that failed is begun again.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import yaml

from benchmarks.endurance.killing import repro_killed
from benchmarks.endurance.log import Say, open_log
from tests.served import ENDS, Served, kill
from tests.world import make_world

FOREVER = 3600.0  # seconds
# What is killed: the command of its process, and whether the servers have to be started again.
VICTIMS = {
    "server": ("prefect server", True),
    "worker": ("flows.deployments", True),
    "flow": ("prefect.engine", False),
    "stage": ("tasks.", False),
    "record": ("mlflow server", True),
    "serving": ("flows.serving", True),
    "all": ("", True),
}


def run(folder: Path, *, kills: int, seed: int, least: float, most: float, say: Say) -> Counter[str]:
    """World after world until so many kills have happened; returns what was killed how often, and ``different``."""
    rng, tally = Random(seed), Counter[str]()
    reference = make_world(folder / "reference")
    assert repro_killed(reference, FOREVER).status == 0
    wanted = yaml.safe_load((reference / "dvc.lock").read_text())
    worlds = 0
    while sum(tally[victim] for victim in VICTIMS) < kills:
        worlds += 1
        served = Served(make_world(folder / f"world{worlds}"))
        served.start()
        flow_run = served.trigger({})
        while not _ended(served, flow_run, rng.uniform(least, most)):
            if sum(tally[victim] for victim in VICTIMS) < kills:
                victim = rng.choice(list(VICTIMS))
                tally[victim] += _strike(served, victim, say)
        served.stop()
        found = yaml.safe_load((served.folder / "dvc.lock").read_text())
        same = found == wanted
        say(f"world {worlds}: complete, {'the same' if same else 'ANOTHER'} dvc.lock")
        tally["different"] += not same
        if same:
            shutil.rmtree(served.folder)
    return tally


def _ended(served: Served, flow_run: dict, seconds: float) -> bool:
    """Whether the run is complete within so many seconds; one that failed is retried."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (state := served.state(flow_run))["type"] == "COMPLETED":
            return True
        if state["type"] in ENDS:
            served.set_state(flow_run, "SCHEDULED", "AwaitingRetry")
        time.sleep(0.5)
    return False


def _strike(served: Served, victim: str, say: Say) -> int:
    """Kill it, where it runs; start again what a person would."""
    command, ends = VICTIMS[victim]
    during = [line.split("-m ")[-1] for line in kill(served.folder, command)]
    if not during:
        return 0
    say(f"{victim:>7}: {', '.join(dict.fromkeys(during))[:100]}")
    if ends:
        served.process.wait(120)
        served.start()
    return 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=2, help="seconds before a kill")
    parser.add_argument("--most", type=float, default=45)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="flow-kills-"))
    with open_log(options.log) as say:
        say(f"SIGKILL to a part of `make serve` every {options.least:g} to {options.most:g} s, seed {options.seed}")
        tally = run(folder, kills=options.kills, seed=options.seed, least=options.least, most=options.most, say=say)
        say(f"{sum(tally[victim] for victim in VICTIMS)} kills: {dict(tally)}")
    if tally["different"]:
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
