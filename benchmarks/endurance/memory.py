"""Does memory grow with the number of images? Peak anonymous memory of every stage at two sizes or more.

``python -m benchmarks.endurance.memory --images 10000 100000 --log FILE``. Memory mapped from files is the system's
page cache and is not counted.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.endurance.log import Say, open_log
from benchmarks.endurance.measuring import MIB, Cost, run_stage
from benchmarks.endurance.pictures import SIDE, write_pictures
from tasks.support.command import read_params
from tests.world import edit_params, make_world

STAGES = (
    ("manifest",),
    ("images",),
    ("ledger",),
    ("teacher",),
    ("predictions", "r1"),
    ("pseudo_labels", "r1"),
    ("student", "r1"),
    ("evaluation", "r1"),
    ("views",),
    ("promotion",),
    ("report",),
)
SHARES = {"studio": 0.25, "webcam": 0.25, "print": 0.5}


def measure(folder: Path, images: int, say: Say) -> dict[str, Cost]:
    """One world of so many images, small networks and few steps: the cost of each stage."""
    world = make_world(folder / f"{images}")
    edit_params(world, _shrink)
    heads = read_params(world / "params.yaml").distilled
    for seed, (domain, share) in enumerate(SHARES.items()):
        write_pictures(world / "data/raw" / domain, round(images * share), heads, seed=seed)
    costs = {}
    for command in STAGES:
        name = command[0]
        costs[name] = run_stage(world, *command)
        if name == "teacher":  # the report tells of both
            run_stage(world, "evaluation", "r0")
        say(f"{images:9,} images  {name:>14}: {costs[name].anonymous:8.1f} MiB, {costs[name].seconds:7.1f} s")
    return costs


def _shrink(params: dict[str, Any]) -> None:
    for section in ("teacher", "student"):
        params[section] |= {"epochs": 1, "steps_per_epoch": 5, "batch": 64}
    for section in ("predictions", "evaluation"):
        params[section]["views"] = [{"kind": "identity"}]
    params["predictions"]["shard"] = 4096
    params["images"]["size"] = SIDE
    sections = (params["heads"], params["faces"]["domains"], params["manifest"]["datasets"])
    for section in (*sections, params["tracking"]["licences"]):
        del section["compound"]  # only measured on


def _compare(small: int, large: int, costs: dict[int, dict[str, Cost]], say: Say) -> None:
    say(f"{'stage':>14} {small:>12,} {large:>12,} {'ratio':>7} {'bytes per additional image':>28}")
    for stage, before in costs[small].items():
        after = costs[large][stage].anonymous
        each = (after - before.anonymous) * MIB / (large - small)
        say(f"{stage:>14} {before.anonymous:8.1f} MiB {after:8.1f} MiB {after / before.anonymous:7.2f} {each:28,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    with open_log(options.log) as say:
        say(f"peak anonymous memory of each stage's processes, sampled every 50 ms; images of {SIDE} pixels")
        costs = {}
        for images in options.images:
            with tempfile.TemporaryDirectory(prefix="memory-") as folder:
                costs[images] = measure(Path(folder), images, say)
        for small, large in zip(options.images, options.images[1:], strict=False):
            _compare(small, large, costs, say)


if __name__ == "__main__":
    main()
