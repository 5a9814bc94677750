"""Round after round in one world: does a later round take more time or memory than an earlier one?

``python -m benchmarks.endurance.soak --rounds 20 --log FILE``; about half a minute a round on one core.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.endurance.log import Say, open_log
from benchmarks.endurance.measuring import Cost, run_stage
from tests.world import edit_params, make_world

STAGES = ("predictions", "pseudo_labels", "student", "evaluation")
TWO_SIDED_95 = 1.96  # normal approximation


def run(folder: Path, rounds: int, say: Say) -> dict[str, list[Cost]]:
    """Measure the stages of every round, each in a process of its own; by stage the costs in the order of rounds."""
    world = make_world(folder / "world")
    chain = {f"r{number}": {"teacher": f"r{number - 1}"} for number in range(1, rounds + 1)}
    edit_params(world, lambda params: params.update(rounds=chain))
    for domain in ("studio", "webcam", "print"):
        run_stage(world, "faces", domain)
    for stage in ("manifest", "images", "teacher"):
        run_stage(world, stage)
    run_stage(world, "evaluation", "r0")
    costs: dict[str, list[Cost]] = {stage: [] for stage in STAGES}
    say(f"{'round':>5} " + " ".join(f"{stage:>20}" for stage in STAGES))
    say(f"{'':>5} " + " ".join(f"{'seconds':>11}{'MiB':>9}" for _ in STAGES))
    for key in chain:
        for stage in STAGES:
            costs[stage].append(run_stage(world, stage, key))
        say(
            f"{key:>5} "
            + " ".join(f"{costs[stage][-1].seconds:11.2f}{costs[stage][-1].resident:9.1f}" for stage in STAGES)
        )
    report = run_stage(world, "report")
    say(f"report of all {rounds} rounds: {report.seconds:.1f} s, {report.resident:.0f} MiB")
    return costs


def slope(values: list[float]) -> tuple[float, float]:
    """Least-squares change per round and the half width of its 95% interval; not a number with fewer than three."""
    if len(values) < 3:
        return float("nan"), float("nan")
    rounds = np.arange(len(values), dtype=float)
    centred = rounds - rounds.mean()
    found = centred @ values / (centred @ centred)
    rest = np.asarray(values) - np.mean(values) - found * centred
    error = np.sqrt(rest @ rest / (len(values) - 2) / (centred @ centred))
    return float(found), float(TWO_SIDED_95 * error)


def _summarise(costs: dict[str, list[Cost]], say: Say) -> None:
    say("change per round, least squares, with its 95% interval; mean and standard deviation over rounds")
    for stage, found in costs.items():
        for what, unit in (("seconds", "s"), ("resident", "MiB")):
            values = [float(getattr(cost, what)) for cost in found]
            change, spread = slope(values)
            say(
                f"{stage:>14} {what:>9}: {change:+8.4f} ± {spread:.4f} {unit} a round; "
                f"{np.mean(values):.2f} ± {np.std(values):.2f} {unit}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, open_log(options.log) as say:
        say(f"{options.rounds} rounds in a row: wall seconds and peak resident memory of each stage's process")
        _summarise(run(Path(folder), options.rounds, say), say)


if __name__ == "__main__":
    main()
