import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from distillery.errors import DistilleryError
from tasks import images
from tasks.study.images import write_images
from tasks.support import command

GENTLE = """
import time
from tasks.support import command

def stage(params):
    with command.stopping_gently() as stop:
        print("ready", flush=True)
        while not ({patient} and stop()):
            time.sleep(0.01)
        print("saved", flush=True)
        raise KeyboardInterrupt

command.read_params = lambda: None
command.run_stage(stage)
"""


def _fail(error: BaseException) -> str:
    """What a user reads when a stage raises the error."""

    def act() -> None:
        raise error

    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        with pytest.raises(SystemExit) as ended:
            command.finish(act)
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), handlers, strict=True):
            signal.signal(number, handler)
    return str(ended.value)


def test_our_own_errors_are_shown_as_they_are():
    assert _fail(DistilleryError("data/x: no such file")) == "error: data/x: no such file"


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full; make room"), (errno.EMFILE, "ulimit -n"), (errno.EROFS, "is read-only")],
)
def test_what_the_system_refuses_names_the_file_and_the_remedy(number: int, words: str):
    shown = _fail(OSError(number, "whatever", "models/r0/card.json"))
    assert shown.startswith("error: models/r0/card.json: ")
    assert words in shown
    assert shown.endswith("then run the same command again")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried 2 GiB"),
        RuntimeError("can't start new thread"),
        ImportError("_rust.abi3.so: failed to map segment from shared object"),
        SystemError("<function _find_and_load at 0x7f> returned NULL without setting an exception"),
        SystemError("error return without exception set"),
    ],
    ids=str,
)
def test_a_lack_of_memory_is_said_so(error: Exception):
    assert "out of memory; lower the batch" in _fail(error)


def test_a_mistake_of_ours_keeps_its_traceback():
    for error in (RuntimeError("shapes differ"), OSError(errno.EBADF, "bad"), KeyError("x")):
        with pytest.raises(type(error)):
            _fail(error)


def _interrupted(*, patient: bool, signals: list[signal.Signals]) -> tuple[int, str, float]:
    script = GENTLE.format(patient=patient)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        for number in signals:
            process.send_signal(number)
            time.sleep(0.2)
        output = process.stdout.read()
    return process.returncode, output, time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_checkpoint(number: signal.Signals):
    code, output, _ = _interrupted(patient=True, signals=[number])
    assert code == command.INTERRUPTED
    assert output == "saved\ninterrupted: nothing is lost, run the same command again\n"


def test_the_second_signal_does_not_wait():
    code, output, _ = _interrupted(patient=False, signals=[signal.SIGINT, signal.SIGINT])
    assert code == command.INTERRUPTED
    assert "saved" not in output


def test_stages_of_one_name_in_two_places_do_not_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["images"])
    monkeypatch.setattr(command, "make_ready", lambda: None)  # it would stay so for the tests after this one
    again = command._alone(write_images)
    said = pytest.raises(DistilleryError, match=r"study\.images runs in this folder already")
    with command._alone(images.main), command._alone(write_images), said, again:
        pass
