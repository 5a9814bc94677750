"""The whole pipeline without a network, and with every attempt to reach one written down."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.world import ROOT, environment, stages_run

LISTENER = ROOT / "tests/security/listener"
# Loopback, no host at all, and the paths of Unix sockets.
HERE = ("'127.", "'localhost'", "'::1'", "None,", "'',", "'/", "b'/")
SILENCING = ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "DVC_NO_ANALYTICS", "PREFECT_SERVER_ANALYTICS_ENABLED", "CI")


def _isolated() -> list[str]:
    """What makes a command run where there is no network, not even loopback; nothing if the system forbids that."""
    prefix = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") and not subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        return prefix
    return []


def _listened(folder: Path, command: Sequence[str], book: Path) -> str:
    """Run a command with the listener in it and all its children; the project's own settings alone keep it silent."""
    variables = {name: value for name, value in environment(folder).items() if name not in SILENCING}
    variables |= {"PYTHONPATH": os.pathsep.join([str(LISTENER), str(folder)]), "NETWORK_BOOK": str(book)}
    done = subprocess.run(
        command, cwd=folder, env=variables, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def _strangers(book: Path) -> list[str]:
    """The attempts to reach anything but this machine."""
    lines = book.read_text().splitlines() if book.exists() else []
    return [line for line in lines if not line.split("\t")[1].lstrip("(").startswith(HERE)]


def test_no_stage_and_no_record_asks_for_a_network(world: Path, tmp_path: Path):
    book = tmp_path / "book"
    output = _listened(world, [*_isolated(), sys.executable, "-m", "dvc", "repro", "--force"], book)
    assert len(stages_run(output)) == len((world / "dvc.lock").read_text().split("cmd: ")) - 1 > 10
    output = _listened(world, [*_isolated(), sys.executable, "-m", "tasks.support.tracking"], book)
    assert "round r1 is recorded" in output
    assert _strangers(book) == []


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 9))",
        "socket.getaddrinfo('host.invalid', 443)",
        "socket.gethostbyname('host.invalid')",
        "urllib.request.urlopen('http://192.0.2.1:9', timeout=0.1)",
    ],
)
def test_the_listener_hears_an_attempt_even_if_it_fails_unseen(tmp_path: Path, attempt: str):
    script = f"import contextlib, socket, urllib.request\nwith contextlib.suppress(OSError):\n    {attempt}"
    _listened(tmp_path, [*_isolated(), sys.executable, "-c", script], tmp_path / "book")
    assert any("192.0.2.1" in line or "host.invalid" in line for line in _strangers(tmp_path / "book"))


def test_the_listener_lets_loopback_pass(tmp_path: Path):
    script = (
        "import contextlib, socket\nwith contextlib.suppress(OSError):\n    socket.create_connection(('127.0.0.1', 9))"
    )
    _listened(tmp_path, [sys.executable, "-c", script], tmp_path / "book")
    assert (tmp_path / "book").read_text()
    assert _strangers(tmp_path / "book") == []
