"""Kills ``dvc repro`` at random moments, hundreds of times; whatever then completes must have the undisturbed bytes.

``python -m benchmarks.endurance.kills --kills 200 --seed 0 --log FILE`` takes about eight seconds a kill on one core.
"""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.endurance.killing import Ended, repro_killed
from benchmarks.endurance.log import Say, open_log
from tests.world import make_world

FOREVER = 3600.0  # seconds


@dataclass
class Tally:
    """What happened so far."""

    kills: int = 0
    worlds: int = 0
    same: int = 0
    different: list[str] = field(default_factory=list)
    by_stage: Counter[str] = field(default_factory=Counter)


def run(folder: Path, *, kills: int, seed: int, least: float, most: float, say: Say) -> Tally:
    """Kill until ``kills`` have happened, world after world; the last one is left to finish. Worlds share nothing."""
    rng, tally = Random(seed), Tally()
    reference = make_world(folder / "reference")
    built = _completed(repro_killed(reference, FOREVER))
    wanted = (reference / "dvc.lock").read_bytes()
    say(f"reference: one undisturbed `dvc repro` of {built.seconds:.0f} s")
    say(f"{'kill':>5} {'world':>5} {'seconds':>7}  stage")
    while tally.kills < kills:
        tally.worlds += 1
        world = make_world(folder / f"world{tally.worlds}")
        before = tally.kills
        while tally.kills < kills:
            ended = repro_killed(world, rng.uniform(least, most))
            if not ended.killed:
                break
            tally.kills += 1
            tally.by_stage[ended.stage] += 1
            say(f"{tally.kills:5d} {tally.worlds:5d} {ended.seconds:7.1f}  {ended.stage}")
        else:
            ended = repro_killed(world, FOREVER)
        _compare(tally, world, ended, wanted, f"world {tally.worlds} after {tally.kills - before} kills", say)
    return tally


def _compare(tally: Tally, world: Path, ended: Ended, wanted: bytes, what: str, say: Say) -> None:
    if ended.status != 0:
        outcome = f"FAILED with status {ended.status} in {ended.stage}, kept in {world}: {ended.output[-2000:]}"
    elif (world / "dvc.lock").read_bytes() != wanted:
        outcome = f"DIFFERENT dvc.lock, kept in {world}"
    else:
        tally.same += 1
        shutil.rmtree(world)
        say(f"{what}: complete, the same dvc.lock")
        return
    tally.different.append(what)
    say(f"{what}: {outcome}")


def _completed(ended: Ended) -> Ended:
    if ended.status != 0:
        sys.exit(f"the undisturbed world failed:\n{ended.output[-4000:]}")
    return ended


def _summarise(tally: Tally, say: Say) -> None:
    say("kills by stage ('dvc': before, between or after stages)")
    for stage, count in sorted(tally.by_stage.items(), key=lambda item: (-item[1], item[0])):
        say(f"{count:5d}  {stage}")
    say(f"{tally.kills} kills in {tally.worlds} worlds: {tally.same} complete and the same, {len(tally.different)} not")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.5, help="seconds before a kill")
    parser.add_argument("--most", type=float, default=14.0)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    with open_log(options.log) as say:
        moments = f"after {options.least:g} to {options.most:g} s, seed {options.seed}"
        say(f"SIGKILL to `dvc repro` and all its processes {moments}")
        tally = run(folder, kills=options.kills, seed=options.seed, least=options.least, most=options.most, say=say)
        _summarise(tally, say)
    if tally.different:
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
