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
EVERY = 20  # seconds, shorter than a run


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
    asked = [served.trigger({}) for _ in range(COUNT)]
    deployment = served.api("GET", "/deployments/name/distillation/distil")["id"]
    schedule = [{"schedule": {"interval": EVERY}, "active": True}]
    (made,) = served.api("POST", f"/deployments/{deployment}/schedules", schedule)
    for flow_run in asked:
        served.end_of(flow_run, 3600)
    served.api("DELETE", f"/deployments/{deployment}/schedules/{made['id']}")  # type: ignore[call-overload]
    found = served.api("POST", "/flow_runs/filter", {"sort": "START_TIME_ASC", "limit": 200})
    began_ended = [(_moment(one["start_time"]), _moment(one["end_time"]), one) for one in found if one["end_time"]]
    served.stop()
    for start, end, one in began_ended:
        who = "by hand " if one["id"] in {each["id"] for each in asked} else "schedule"
        say(
            f"{start:%H:%M:%S} to {end:%H:%M:%S}, {(end - start).total_seconds():5.1f} s  {who}  {one['state']['type']}"
        )
    apart = all(before[1] <= after[0] for before, after in pairwise(began_ended))
    complete = [one["id"] for *_, one in began_ended if one["state"]["type"] == "COMPLETED"]
    whole = all(complete.count(flow_run["id"]) == 1 for flow_run in asked)
    say(f"{COUNT} asked at once, {len(began_ended)} ran: {'none lost or doubled' if whole else 'SOME LOST OR DOUBLED'}")
    say("no two at a time" if apart else "TWO AT A TIME")
    seconds = sorted((end - start).total_seconds() for start, end, _ in began_ended)
    median = seconds[len(seconds) // 2]
    say(
        f"nothing to do: dvc repro {plain:.1f} s for {len(stages)} stages, a flow {median:.1f} s (median): "
        f"{(median - plain) / len(stages):.2f} s a stage more"
    )
    return apart and whole


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
