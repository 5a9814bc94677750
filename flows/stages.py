"""One DVC stage as one Prefect task: a process group of its own, its output in the logs, its end with the task's."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from prefect import get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from flows.artifacts import follow
from flows.environment import QUIET
from tasks.support.mending import mend
from tasks.support.tracking import EXPERIMENT, FLOW_RUN, FLOW_RUN_NAME

Result = TypeVar("Result")
KILLED = re.compile(rf"exited with (-{signal.SIGKILL}|{128 + signal.SIGKILL})$", re.MULTILINE)  # as DVC says it
LONGEST = 100  # characters of an experiment's name
RETRIES, PAUSE = 2, 10.0  # how often, and seconds before each
ALIVE = 0  # the signal that only asks whether anyone is there
UNCHANGED = "unchanged"
GRACE = 10.0  # seconds between asking a cancelled stage to stop and stopping it


class StageError(Exception):
    """A stage ended with an error; its last lines say which."""


class StageKilledError(StageError):
    """A stage was killed outright, as the kernel does when memory runs out; what it saved is whole."""


def run(stage: str, key: str | None = None, *, file: str = "dvc.yaml") -> str:
    """Bring one stage of a file up to date through DVC, its progress shown; returns ``UNCHANGED``, ``restored`` or
    ``ran``."""
    address = f"{file}:{stage}" if key is None else f"{file}:{stage}@{key}"
    command = ["-m", "dvc", "repro", "--single-item", address]
    name = address.removeprefix("dvc.yaml:")
    return _as_task(stage, name, lambda log: _outcome(_stream(command, name, log)))


def keep(folder: Path) -> None:
    """Have DVC version a folder that no stage makes; a file beside it, for Git, says which version."""
    command = ["-m", "dvc", "add", str(folder)]
    _as_task("keep", f"keep {folder}", lambda log: _stream(command, "keep", log))


def record(key: str, experiment: str = "") -> list[str]:
    """Complete the MLflow record of the rounds up to this one, as that of a DVC experiment where there is one; returns
    what was said of it."""
    command, more = ["-m", "tasks.support.tracking", key], {EXPERIMENT: experiment}
    return _as_task("tracking", f"tracking@{key}", lambda log: _stream(command, "tracking", log, more))


def save_experiment() -> str:
    """Keep what there is now as a DVC experiment named like the flow run; where Git cannot, say so and go on.

    Returns:
        Its name, or nothing where it was not kept.
    """
    message = f"flow run {runtime.flow_run.id}"
    name = _free_name(str(runtime.flow_run.name), message)
    command = ["-m", "dvc", "exp", "save", "--force", "--name", name, "--message", message]
    command.append("dvc.yaml")  # not the study, which may not be there

    def save(log: Callable[[str], None]) -> str:
        try:
            _stream(command, "experiment", log)
        except StageKilledError:
            raise
        except StageError as error:
            log(f"not kept as a DVC experiment, which takes a commit and Git's user.name and user.email: {error}")
            return ""
        return name

    return _as_task("experiment", f"experiment {name}", save)


def _free_name(name: str, message: str) -> str:
    """A name as it is; where Git refuses some of it, with dashes instead and the flow run's number behind, for another
    name may be the same but for those; with the number too where an experiment of another message has it."""
    plain = re.sub(r"[^\w-]+", "-", name).strip("-")[:LONGEST]
    command = ["git", "for-each-ref", "--format=%(subject)", f"refs/exps/*/*/{plain}"]
    messages = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    if plain == name and {*messages} <= {message}:
        return name
    return f"{plain}-{str(runtime.flow_run.id)[-8:]}".strip("-")


def _as_task(name: str, run_name: str, act: Callable[[Callable[[str], None]], Result]) -> Result:
    """Act as a task of Prefect's, with its log.

    What was killed is begun again and goes on from its checkpoint. What said what is wrong would say it again.
    """

    # DVC is the cache. Prefect's would ask whether the same arguments ran before, which says nothing about files.
    @task(
        name=name,
        task_run_name=run_name,
        cache_policy=NO_CACHE,
        retries=RETRIES,
        retry_delay_seconds=PAUSE,
        retry_condition_fn=lambda _task, _run, state: _was_killed(state),
    )
    def staged() -> Result:
        return act(get_run_logger().info)

    return staged()


def _was_killed(state: State) -> bool:
    return isinstance(state.result(raise_on_failure=False), StageKilledError)


def _stream(
    arguments: list[str], name: str, log: Callable[[str], None], more: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Run Python in a new process group, with more in its environment, and pass on its lines; the group never outlives
    the call."""
    flow = {FLOW_RUN: str(runtime.flow_run.id or ""), FLOW_RUN_NAME: str(runtime.flow_run.name or "")}
    environment = {**os.environ, **QUIET, "PYTHONUNBUFFERED": "1", **flow, **more}
    # A stage's command is `python -m ...`: it must find the interpreter that runs this flow.
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    lines, note = list[str](), follow(name)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            log(lines[-1])
            note(lines[-1])
        process.wait()
    finally:
        _end(process)
    if process.returncode:
        shown = "\n".join(lines[-15:])
        said = f"stage {name} ended with exit status {process.returncode}:\n{shown}"
        if process.returncode == -signal.SIGKILL or KILLED.search(shown):
            mend()
            raise StageKilledError(said)
        raise StageError(said)
    return lines


def _end(process: subprocess.Popen[str]) -> None:
    """Stop whatever is left of the group: asked first, then killed. The leader may be gone before its stage is."""
    until = time.monotonic() + GRACE
    request: int = signal.SIGTERM
    while _signal_group(process.pid, request):
        process.poll()
        time.sleep(0.05)
        request = signal.SIGKILL if time.monotonic() > until else ALIVE
    process.wait()


def _signal_group(group: int, request: int) -> bool:
    try:
        os.killpg(group, request)
    except ProcessLookupError:
        return False
    return True


def _outcome(lines: list[str]) -> str:
    text = "\n".join(lines)
    if "didn't change, skipping" in text:
        return UNCHANGED
    return "restored" if "is cached - skipping run" in text else "ran"
