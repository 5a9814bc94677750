"""Imports everything once and forks a child for each stage: torch and MLflow load in seconds, a fork in milliseconds.

``unshare --map-root-user --mount python -m tests.faults.server`` may mount what it likes: nobody else sees it. A
request is a line of JSON naming a function below and its arguments; the answer is a line too.
"""

import importlib
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

STAGES = (
    "faces",
    "manifest",
    "images",
    "ledger",
    "teacher",
    "views",
    "predictions",
    "pseudo_labels",
    "student",
    "evaluation",
    "few_shot",
    "promotion",
    "report",
)
# What stages import only when they come to it.
LATE = (
    "mlflow",
    "mlflow.store.tracking.sqlalchemy_store",
    "torchvision",
    "matplotlib.pyplot",
    "torchmetrics",
    "PIL.PngImagePlugin",
)


def start(folder: str, command: Sequence[str], output: str, limits: Mapping[str, int], before: str | None) -> int:
    """Fork ``python -m tasks.<command>`` in ``folder``; returns its process id, which leads a group of its own.

    ``limits``: names of the resource module without ``RLIMIT_``; bytes of ``AS`` count from what is mapped already.
    ``before``: a module to import first.
    """
    child = os.fork()
    if child:
        return child
    os.setsid()
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 1
    try:
        if before:
            importlib.import_module(before)
        for name, value in limits.items():
            mapped = _mapped() if name == "AS" else 0
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (mapped + value, mapped + value))
        code = _run(command)
    finally:
        os._exit(code)


def wait(pid: int, seconds: float) -> int | None:
    """How a child ended, as subprocess counts it; None if it has not by then."""
    until = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= until:
            return None
        time.sleep(0.002)


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def unmount(path: str) -> None:
    subprocess.run(["umount", path], check=True)


def _mapped() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _run(command: Sequence[str]) -> int:
    sys.argv = [command[0], *command[1:]]
    sys.modules.pop(f"tasks.{command[0]}")  # runpy wants it fresh
    code: object = 0
    try:
        runpy.run_module(f"tasks.{command[0]}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def main() -> None:
    for name in (*LATE, *(f"tasks.{stage}" for stage in STAGES)):
        importlib.import_module(name)
    functions: Mapping[str, Callable] = {"start": start, "wait": wait, "mount": mount, "unmount": unmount}
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print(json.dumps(functions[name](*arguments)), flush=True)


if __name__ == "__main__":
    main()
