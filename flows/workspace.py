"""One flow at a time in a working tree, and one run of a schedule for all of its moments that passed meanwhile."""

import fcntl
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect import Flow, get_run_logger, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import FailedRun
from prefect.states import Completed, Failed

from distillery.errors import DistilleryError
from flows.deletion import ending_when_deleted
from flows.environment import require_server
from flows.form import put_back
from flows.stages import StageError
from tasks.support.locks import try_lock
from tasks.support.mending import mend

SKIPPED = "Skipped"
FINISHED = (StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED)  # a crashed one goes on
LOCK = Path(".dvc/tmp/distillery.lock")
ENGINE = ("prefect.flow_runs", "prefect.engine")  # the loggers of what runs flows


def work_alone(work: Callable[[], None]) -> State | None:
    """Work when no other flow does in this working tree; returns the state of a flow run that did not have to, or that
    failed for a reason that is known: where in the code it was found helps nobody."""
    with ending_when_deleted(), hold_workspace():
        if other := _begun_since():
            return Completed(name=SKIPPED, message=f"{other} of the same schedule began after this one was due")
        try:
            work()
        except (DistilleryError, StageError) as error:
            get_run_logger().error(str(error))
            for name in ENGINE:
                logging.getLogger(name).addFilter(_says_more)
            return Failed(message=str(error))
    return None


def _says_more(record: logging.LogRecord) -> bool:
    """Whether a record says more than that the run failed: of a failed state Prefect makes an exception of its own."""
    return not (record.exc_info and isinstance(record.exc_info[1], FailedRun))


def run_by_hand(flow: Flow) -> None:
    """Run a flow as the command that it is; its exit status says whether it ended well."""
    signal.signal(signal.SIGTERM, _exit)
    require_server()
    try:
        flow()
    except FailedRun:
        sys.exit(1)  # the log has said why


def _exit(number: int, _frame: object) -> None:
    """End as ``sys.exit`` does: killed outright this process would leave Prefect's temporary server."""
    sys.exit(128 + number)


@contextmanager
def hold_workspace() -> Iterator[None]:
    """One flow at a time in a working tree; a second one waits."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as file:
        if not try_lock(file):
            print("another flow runs in this folder: waiting for it to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        mend()
        put_back()
        yield


def workspace_is_free() -> bool:
    """Whether no flow holds this working tree."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as file:
        return try_lock(file)


def _begun_since() -> str | None:
    """The name of a run of the same schedule that began after this one was due, where there is one that has ended.

    A round may take longer than its schedule's interval; one that failed or was cancelled would do so again. What a
    person asked for or a crash cut short is never skipped.
    """
    if runtime.deployment.id is None:
        return None  # by hand: nobody schedules it
    with get_client(sync_client=True) as client:
        mine = client.read_flow_run(runtime.flow_run.id)
        if not mine.auto_scheduled or mine.run_count > 1:
            return None
        finished = FlowRunFilter(
            deployment_id={"any_": [mine.deployment_id]},  # type: ignore[arg-type]
            state={"type": {"any_": list(FINISHED)}},  # type: ignore[arg-type]
            start_time={"after_": mine.expected_start_time},  # type: ignore[arg-type]
        )
        others = [run for run in client.read_flow_runs(flow_run_filter=finished) if run.state_name != SKIPPED]
        return next((run.name for run in others if run.auto_scheduled and run.created_by == mine.created_by), None)
