"""A world's flows: run by hand with a Prefect of their own, or served as ``make serve`` does, used through Prefect's API."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.world import environment

NOBODY = {f"GIT_{who}_{what}": "t@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENDS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
READY = "Your deployments are being served"


def flow_environment(world: Path, home: Path) -> dict[str, str]:
    return {
        **environment(world),
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def run_flow(world: Path, home: Path, flow: str = "distillation") -> str:
    return run_python(world, home, "-m", f"flows.{flow}")


def run_python(world: Path, home: Path, *arguments: str, check: bool = True) -> str:
    """Run Python in the world, with a Prefect of its own; returns its whole output."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=world,
        env=flow_environment(world, home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stdout[-3000:]
    return done.stdout


def processes_in(folder: Path) -> dict[int, str]:
    """Commands, by process, that run with the folder as their working directory; this process is not one of them."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                if (entry / "cwd").resolve() == folder.resolve():
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
    return found


def kill(folder: Path, command: str) -> list[str]:
    """SIGKILL what runs there with this in its command; returns the commands."""
    victims = {pid: line for pid, line in processes_in(folder).items() if command in line}
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return list(victims.values())


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until_answered(address: str, process: subprocess.Popen, log: Path) -> None:
    """Until a server that was started answers."""
    until = time.monotonic() + 120
    while True:
        assert process.poll() is None and time.monotonic() < until, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)


class Served:
    """A working tree whose flows are served."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / ".serving.log"
        self.ports = [free_port(), free_port()]
        self.prefect, self.mlflow = (f"http://127.0.0.1:{port}" for port in self.ports)

    def start(self) -> None:
        ports = ["--prefect", str(self.ports[0]), "--mlflow", str(self.ports[1])]
        environment = flow_environment(self.folder, self.folder / ".prefect") | NOBODY
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "flows.serving", *ports]
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.wait_for(lambda: READY in self.log.read_text(), 180)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def api(self, method: str, path: str, body: object = None) -> dict:
        headers = {"content-type": "application/json"}
        if method != "GET":
            token = self.api("GET", "/csrf-token?client=tests")["token"]
            headers |= {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "tests"}
        request = urllib.request.Request(
            f"{self.prefect}/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
        )
        for patience in reversed(range(10)):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    found = answer.read()
                break
            except urllib.error.HTTPError as error:
                # The server's database is busy; Prefect's own client asks again too.
                if error.code != 503 or not patience:
                    raise
                error.close()
                time.sleep(1)
        return json.loads(found) if found else {}

    def trigger(
        self, parameters: dict, flow: str = "distillation", name: str = "distil", called: str | None = None
    ) -> dict:
        deployment = self.api("GET", f"/deployments/name/{flow}/{name}")
        asked = {"parameters": parameters} | ({"name": called} if called else {})
        return self.api("POST", f"/deployments/{deployment['id']}/create_flow_run", asked)

    def state(self, run: dict) -> dict:
        return self.api("GET", f"/flow_runs/{run['id']}")["state"]

    def set_state(self, run: dict, kind: str, name: str) -> None:
        self.api("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": kind, "name": name}})

    def end_of(self, run: dict, seconds: float = 400) -> dict:
        self.wait_for(lambda: self.state(run)["type"] in ENDS, seconds)
        return self.state(run)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.3)
