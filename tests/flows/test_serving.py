"""The servers and the deployments as ``make serve`` starts them, used through Prefect's own API."""

import logging
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import mlflow
import pytest

from tests.served import Served, free_port, kill, processes_in, run_python
from tests.world import call


@pytest.fixture(scope="module")
def served(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "world"
    shutil.copytree(finished, folder, symlinks=True)
    served = Served(folder)
    served.start()
    yield served
    served.stop()


def test_all_deployments_are_there_and_their_forms_are_explained(served: Served):
    found = {one["name"]: one for one in served.api("POST", "/deployments/filter", {})}
    assert set(found) == {"distil", "one-more-round", "new-images", "study"}
    form = found["distil"]["parameter_openapi_schema"]["properties"]
    assert list(form) == ["rounds", "heads", "views", "selection", "overrides"]
    assert all(field["description"] for field in form.values())


def test_another_page_of_the_same_browser_can_start_nothing(served: Served):
    deployment = served.api("GET", "/deployments/name/distillation/distil")
    address = f"{served.prefect}/api/deployments/{deployment['id']}/create_flow_run"
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
    first = served.trigger({"overrides": {"promotion.fall": 0.03}}, called="The inbox / Tuesday")
    kept_as = f"The-inbox-Tuesday-{first['id'][-8:]}"
    second = served.trigger({}, called=kept_as)
    second_as = f"{kept_as}-{second['id'][-8:]}"
    before = (served.folder / "params.yaml").read_bytes()
    state = served.end_of(unknown)
    assert state["type"] == "FAILED"
    assert "teacher.epoch: unknown key; remove it or correct its spelling" in state["message"]
    served.wait_for(lambda: bool(_errors_in_log(served, unknown)), 30)  # it comes after the state
    assert _errors_in_log(served, unknown) == [state["message"]]
    assert (served.folder / "params.yaml").read_bytes() == before
    assert served.end_of(first)["type"] == served.end_of(second)["type"] == "COMPLETED"
    times = [served.api("GET", f"/flow_runs/{run['id']}") for run in (first, second)]
    assert times[0]["end_time"] <= times[1]["start_time"]
    assert "fall: 0.03" in (served.folder / "params.yaml").read_text()

    artifacts = served.api("POST", "/artifacts/filter", {"flow_runs": {"id": {"any_": [first["id"]]}}})
    kinds = {one["key"]: one for one in artifacts if one["key"]}
    rows = kinds["round-r1"]["data"].splitlines()
    assert any(
        re.fullmatch(r"\| print \| gender \| .* \| (better|worse|same)(, intervals apart)? \|", row) for row in rows
    )
    address = kinds["mlflow-r1"]["data"].split("(")[1].rstrip(")")
    client = mlflow.MlflowClient(f"sqlite:///{served.folder}/runs/mlflow.db")
    run = client.get_run(address.rsplit("/", 1)[1])
    assert run.data.tags["round"] == "r1"
    parent = client.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.data.tags["prefect.flow_run"] in (first["id"], second["id"])
    assert parent.data.tags["dvc.experiment"] in (kept_as, second_as)
    picture = kinds["r1-confusion-print-race-png"]["data"]
    with urllib.request.urlopen(picture, timeout=30) as answer:
        assert answer.read().startswith(b"\x89PNG")
    experiments = call(served.folder, "dvc", "exp", "list", "--name-only").split()
    assert kept_as in experiments, "Git takes fewer characters than a form"
    assert second_as in experiments, "another one's name is not taken from it"
    refs = _git(served.folder, "for-each-ref", "refs/exps", "--format=%(refname)").split()
    (kept,) = (ref for ref in refs if ref.endswith(f"/{kept_as}"))
    assert "fall: 0.03" in _git(served.folder, "show", f"{kept}:params.yaml"), "as it was, committed or not"


def _errors_in_log(served: Served, run: dict) -> list[str]:
    log = served.api("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}})
    return [dict(line)["message"] for line in log if dict(line)["level"] >= logging.ERROR]


def test_a_schedule_that_overlaps_a_running_flow_waits_and_does_not_pile_up(served: Served):
    by_hand = served.trigger({})
    served.wait_for(lambda: served.state(by_hand)["type"] == "RUNNING", 60)
    deployment = served.api("GET", "/deployments/name/distillation/distil")["id"]
    schedule = [{"schedule": {"interval": 10}, "active": True}]
    (made,) = served.api("POST", f"/deployments/{deployment}/schedules", schedule)

    def scheduled() -> list[dict]:
        everything = served.api("POST", "/flow_runs/filter", {"sort": "START_TIME_ASC"})
        return [dict(one) for one in everything if dict(one)["auto_scheduled"] and dict(one)["start_time"]]

    ends = ("Completed", "Skipped")
    served.wait_for(lambda: {one["state"]["name"] for one in scheduled()} >= {*ends}, 300)
    served.api("DELETE", f"/deployments/{deployment}/schedules/{made['id']}")  # type: ignore[call-overload]
    served.wait_for(lambda: all(one["end_time"] for one in scheduled()), 300)
    began = [served.api("GET", f"/flow_runs/{by_hand['id']}"), *scheduled()]
    assert began[0]["state"]["name"] == "Completed"
    assert {one["state"]["name"] for one in began} == {*ends}
    assert all(before["end_time"] <= after["start_time"] for before, after in pairwise(began))
    skipped = next(one for one in began if one["state"]["name"] == "Skipped")
    assert "of the same schedule began after this one was due" in skipped["state"]["message"]


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_cancelled_run_ends_its_stage_and_a_killed_server_continues_what_ran(served: Served):
    params = served.folder / "params.yaml"
    before = params.read_bytes()
    run = served.trigger({"overrides": {"student.epochs": 4000}})
    checkpoint = served.folder / ".checkpoints/r1.safetensors"
    served.wait_for(lambda: "epoch 2 of 4000" in served.log.read_text(), 400)
    assert kill(served.folder, "flows.serving") and kill(served.folder, "flows.deployments")
    served.process.wait(60)
    served.start()
    assert "still there after a kill, and ended now" in served.log.read_text(), "both servers held their ports"
    served.wait_for(lambda: served.log.read_text().count("of 4000") > 2, 400)
    assert served.state(run)["type"] == "RUNNING"

    served.stop()  # by ctrl-C
    assert not any("tasks.student" in line for line in processes_in(served.folder).values())
    served.start()
    served.wait_for(lambda: served.log.read_text().count("of 4000") > 2, 400)
    assert served.state(run)["type"] == "RUNNING"

    served.set_state(run, "CANCELLING", "Cancelling")
    began = time.monotonic()
    served.wait_for(lambda: served.state(run)["type"] == "CANCELLED", 60)
    served.wait_for(lambda: not any("tasks.student" in line for line in processes_in(served.folder).values()), 30)
    assert time.monotonic() - began < 45
    assert checkpoint.is_file(), "what was learnt so far is kept"
    assert params.read_bytes() == before, "what waits behind it does not take its values"


def test_a_deleted_run_ends_its_stage_and_leaves_the_folder_to_the_next(served: Served):
    params = served.folder / "params.yaml"
    before, told = params.read_bytes(), served.log.read_text().count("of 4000")
    run = served.trigger({"overrides": {"student.epochs": 4000}})
    served.wait_for(lambda: served.log.read_text().count("of 4000") > told + 1, 400)
    served.api("DELETE", f"/flow_runs/{run['id']}")
    served.wait_for(lambda: not any("tasks.student" in line for line in processes_in(served.folder).values()), 45)
    served.wait_for(lambda: params.read_bytes() == before, 30)
    assert served.end_of(served.trigger({}))["type"] == "COMPLETED"


CRASHED = """
from prefect.client.orchestration import get_client
from prefect.states import Cancelling, Running
from flows.deployments import NAMES, continue_crashed
from flows.workspace import hold_workspace
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


@pytest.mark.parametrize("module", ["flows.distillation", "flows.study", "flows.deployments"])
def test_a_server_that_does_not_answer_is_named(world: Path, module: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    output = call(world, module, check=False)
    assert "error: PREFECT_API_URL: no Prefect server answers at http://127.0.0.1:" in output
    assert "Traceback" not in output


def test_a_port_that_is_taken_is_named_and_an_open_address_warned_of(world: Path):
    host = "127.0.0.2"  # of this machine, and not the one that is meant for it alone
    with socket.socket() as taken:
        taken.bind((host, 0))
        taken.listen()
        port = taken.getsockname()[1]
        output = call(world, "flows.serving", "--host", host, "--prefect", str(port), check=False)
    assert f"warning: bound to {host}: neither server has a password" in output
    assert f"error: {host}:{port} cannot be bound" in output


def test_a_folder_is_served_once(served: Served):
    output = call(served.folder, "flows.serving", check=False)
    assert f"error: this folder is served already, by process {served.process.pid}: end that one first" in output


def test_no_address_is_not_every_address(world: Path):
    output = call(world, "flows.serving", "--host", "0.0.0.0", check=False)
    assert "error: --host 0.0.0.0: give the address by which others reach this machine" in output
