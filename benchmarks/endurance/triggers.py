"""Ten triggers of one deployment at once and a schedule that overlaps them: run one by one, none lost or doubled.

``python -m benchmarks.endurance.triggers --log FILE``; about ten minutes. Nothing has changed when they run, so that it
also says what a flow costs beside a plain ``dvc repro`` that finds nothing to do.
"""

import argparse
import tempfile
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from benchmarks.endurance.log import Say, open_log
from tests.served import Served
from tests.world import call, make_world

COUNT = 10
EVERY = 60  # seconds: several come due while the others run
MISSED = 3


def run(folder: Path, say: Say) -> bool:
    """Returns whether all ran, one after another."""
    world = make_world(folder / "world")
    call(world, "dvc", "repro")
    began = time.monotonic()
    call(world, "dvc", "repro")
    plain = time.monotonic() - began
    stages = call(world, "dvc", "stage", "list", "dvc.yaml", "--name-only").split()
    served = Served(world)
    served.start()
    try:
        asked, found = _trigger_all(served)
    finally:
        served.stop()
    ended = [(_moment(one["start_time"]), _moment(one["end_time"]), one) for one in found]
    for start, end, one in ended:
        who = "by hand " if one["id"] in asked else "schedule"
        seconds = (end - start).total_seconds()
        what = f"{who}  {one['state']['name']}, run {one['run_count']}"
        say(f"{start:%H:%M:%S} to {end:%H:%M:%S}, {seconds:5.1f} s  {what}")
    apart = all(before[1] <= after[0] for before, after in pairwise(ended))
    once = [one["id"] for *_, one in ended if one["state"]["type"] == "COMPLETED" and one["run_count"] == 1]
    whole = asked <= set(once) and len(once) == len(ended)
    scheduled = len(ended) - len(asked)
    say(f"{len(asked)} asked at once, {scheduled} scheduled: {'none lost or doubled' if whole else 'LOST OR DOUBLED'}")
    say("no two at a time" if apart else "TWO AT A TIME")
    median = sorted((end - start).total_seconds() for start, end, one in ended if one["id"] in asked)[COUNT // 2]
    say(
        f"nothing to do: dvc repro {plain:.1f} s for {len(stages)} stages, a flow {median:.1f} s (median): "
        f"{(median - plain) / len(stages):.2f} s a stage more"
    )
    return apart and whole and all(one["state"]["name"] == "Completed" for one in found if one["id"] in asked)


def _trigger_all(served: Served) -> tuple[set[str], list[dict]]:
    """Ask and schedule until all that was asked for has ended; returns those runs' ids, and every run in its order."""
    asked = [served.trigger({}) for _ in range(COUNT)]
    deployment = served.api("GET", "/deployments/name/distillation/distil")["id"]
    schedule = [{"schedule": {"interval": EVERY}, "active": True}]
    (made,) = served.api("POST", f"/deployments/{deployment}/schedules", schedule)
    for flow_run in asked:
        served.end_of(flow_run, 3600)
    served.wait_for(lambda: _skipped(served) >= MISSED, 600)  # one after the first of the schedule's was run
    served.api("DELETE", f"/deployments/{deployment}/schedules/{made['id']}")  # type: ignore[call-overload]
    return {flow_run["id"] for flow_run in asked}, _complete(served)


def _skipped(served: Served) -> int:
    return sum(one["state"]["name"] == "Skipped" for one in _complete(served))


def _complete(served: Served) -> list[dict]:
    """Every run that has ended, in the order of their starts."""
    found = served.api("POST", "/flow_runs/filter", {"sort": "START_TIME_ASC", "limit": 200})
    return [dict(one) for one in found if dict(one)["end_time"]]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="triggers-") as folder, open_log(options.log) as say:
        raise SystemExit(0 if run(Path(folder), say) else 1)


if __name__ == "__main__":
    main()
