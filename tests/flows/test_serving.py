"""The servers and the deployments as ``make serve`` starts them, used through Prefect's own API."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest

from tests.flows.test_distillation import flow_environment, processes_in, run_python
from tests.world import call, edit_params

NOBODY = {f"GIT_{who}_{what}": "t@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENDS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Served:
    """A working tree whose flows are served."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / ".serving.log"
        self.ports = [_free_port(), _free_port()]

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "flows.serving",
            "--prefect",
            str(self.ports[0]),
            "--mlflow",
            str(self.ports[1]),
        ]
        environment = flow_environment(self.folder, self.folder / ".prefect") | NOBODY
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.wait_for(lambda: "Your deployments are being served" in self.log.read_text(), 180)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def api(self, method: str, path: str, body: object = None) -> dict:
        headers = {"content-type": "application/json"}
        if method != "GET":
            token = self.api("GET", "/csrf-token?client=tests")["token"]
            headers |= {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "tests"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[0]}/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def trigger(self, parameters: dict, flow: str = "distillation", name: str = "distil") -> dict:
        deployment = self.api("GET", f"/deployments/name/{flow}/{name}")
        return self.api("POST", f"/deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})

    def state(self, run: dict) -> dict:
        return self.api("GET", f"/flow_runs/{run['id']}")["state"]

    def end_of(self, run: dict) -> dict:
        self.wait_for(lambda: self.state(run)["type"] in ENDS, 400)
        return self.state(run)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.3)


@pytest.fixture(scope="module")
def served(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "world"
    shutil.copytree(finished, folder, symlinks=True)
    served = Served(folder)
    served.start()
    yield served
    served.stop()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_all_deployments_are_there_and_their_forms_are_explained(served: Served):
    found = {one["name"]: one for one in served.api("POST", "/deployments/filter", {})}
    assert set(found) == {"distil", "one-more-round", "new-images", "study"}
    form = found["distil"]["parameter_openapi_schema"]["properties"]
    assert list(form) == ["rounds", "heads", "views", "selection", "overrides"]
    assert all(field["description"] for field in form.values())


def test_another_page_of_the_same_browser_can_start_nothing(served: Served):
    deployment = served.api("GET", "/deployments/name/distillation/distil")
    address = f"http://127.0.0.1:{served.ports[0]}/api/deployments/{deployment['id']}/create_flow_run"
    headers = {"content-type": "application/json", "Origin": "https://evil.example"}
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(urllib.request.Request(address, data=b"{}", headers=headers), timeout=30)
    with error.value as refused:
        assert refused.code == 403
        assert refused.headers.get("access-control-allow-origin") is None


def test_a_value_of_a_wrong_type_is_refused_by_the_form(served: Served):
    with pytest.raises(urllib.error.HTTPError) as error:
        served.trigger({"rounds": "many"})
    with error.value as refused:
        assert "Validation failed for field 'rounds'" in refused.read().decode()


def test_triggers_queue_run_in_order_and_leave_what_they_made(served: Served):
    unknown = served.trigger({"overrides": {"teacher.epoch": 3}})
    first, second = served.trigger({"overrides": {"promotion.fall": 0.03}}), served.trigger({})
    before = (served.folder / "params.yaml").read_bytes()
    state = served.end_of(unknown)
    assert state["type"] == "FAILED"
    assert "teacher.epoch: unknown key; remove it or correct its spelling" in state["message"]
    assert (served.folder / "params.yaml").read_bytes() == before
    assert served.end_of(first)["type"] == served.end_of(second)["type"] == "COMPLETED"
    times = [served.api("GET", f"/flow_runs/{run['id']}") for run in (first, second)]
    assert times[0]["end_time"] <= times[1]["start_time"]
    assert "fall: 0.03" in (served.folder / "params.yaml").read_text()

    artifacts = served.api("POST", "/artifacts/filter", {"flow_runs": {"id": {"any_": [first["id"]]}}})
    kinds = {one["key"]: one for one in artifacts if one["key"]}
    assert "| print | gender |" in kinds["round-r1"]["data"]
    address = kinds["mlflow-r1"]["data"].split("(")[1].rstrip(")")
    client = mlflow.MlflowClient(f"sqlite:///{served.folder}/runs/mlflow.db")
    run = client.get_run(address.rsplit("/", 1)[1])
    assert run.data.tags["round"] == "r1"
    parent = client.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.data.tags["prefect.flow_run"] in (first["id"], second["id"])
    assert parent.data.tags["dvc.experiment"] in (first["name"], second["name"])
    picture = kinds["r1-confusion-print-race-png"]["data"]
    with urllib.request.urlopen(picture, timeout=30) as answer:
        assert answer.read().startswith(b"\x89PNG")
    experiments = call(served.folder, "dvc", "exp", "list", "--name-only")
    assert first["name"] in experiments and second["name"] in experiments


def test_a_cancelled_run_ends_its_stage_and_a_killed_server_continues_what_ran(served: Served):
    edit_params(served.folder, lambda params: params["student"].update(epochs=4000))
    run = served.trigger({})
    checkpoint = served.folder / ".checkpoints/r1.safetensors"
    served.wait_for(lambda: "epoch 2 of 4000" in served.log.read_text(), 400)
    deployments = _pid(served.folder, "flows.deployments")
    os.kill(deployments, signal.SIGKILL)
    served.process.wait(60)
    for left in ("flows.distillation", "prefect", "tasks.student"):
        for pid in [pid for pid, line in _processes(served.folder) if left in line]:
            os.kill(pid, signal.SIGKILL)
    served.start()
    served.wait_for(lambda: served.log.read_text().count("of 4000") > 2, 400)
    assert served.state(run)["type"] == "RUNNING"

    served.api("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    began = time.monotonic()
    served.wait_for(lambda: served.state(run)["type"] == "CANCELLED", 60)
    served.wait_for(lambda: not any("tasks.student" in line for line in processes_in(served.folder)), 30)
    assert time.monotonic() - began < 45
    assert checkpoint.is_file(), "what was learnt so far is kept"


def _processes(folder: Path) -> list[tuple[int, str]]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").resolve() == folder.resolve():
                found.append((int(entry.name), (entry / "cmdline").read_text().replace("\0", " ")))
        except OSError:
            continue
    return found


def _pid(folder: Path, command: str) -> int:
    return next(pid for pid, line in _processes(folder) if command in line)


CRASHED = """
from prefect.client.orchestration import get_client
from prefect.states import Cancelling, Running
from flows.deployments import NAMES, continue_crashed
from flows.stages import hold_workspace
deployment = NAMES["distil"].to_deployment("distil").apply()
with get_client(sync_client=True) as client:
    runs = [client.create_flow_run_from_deployment(deployment) for _ in range(2)]
    for run in runs:
        client.set_flow_run_state(run.id, Running(), force=True)
    client.set_flow_run_state(runs[1].id, Cancelling(), force=True)
    def show(when):
        print(when, *(client.read_flow_run(run.id).state.type.value for run in runs))
    with hold_workspace():
        continue_crashed()
        show("held:")
    continue_crashed()
    show("free:")
"""


def test_what_ran_is_scheduled_again_and_what_was_being_cancelled_is_not(world: Path, tmp_path: Path):
    output = run_python(world, tmp_path / "prefect", "-c", CRASHED)
    assert "held: RUNNING CANCELLING" in output
    assert "free: SCHEDULED CANCELLED" in output


def test_a_port_that_is_taken_is_named(finished: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        output = call(finished, "flows.serving", "--prefect", str(port), check=False)
    assert f"error: 127.0.0.1:{port} cannot be bound" in output
