"""The flow against a real Prefect (its own temporary server), a real DVC repository and a real MLflow store."""

import re
import signal
from pathlib import Path

import mlflow
import pytest

from flows import distillation
from tests.served import flow_environment, kill, processes_in, run_flow
from tests.world import call, edit_params, start


def test_the_flow_walks_every_stage_after_what_it_reads(world: Path, monkeypatch: pytest.MonkeyPatch):
    walked: list[str] = []
    monkeypatch.setattr(distillation, "run", lambda stage, key=None: walked.append(f"{stage}@{key}" if key else stage))
    for name in ("record", "show_round", "save_experiment"):
        monkeypatch.setattr(distillation, name, lambda *_: None)
    distillation.distillation.fn()
    planned = [
        line.split()[0]
        for line in call(world, "dvc", "stage", "list").splitlines()
        if "Outputs" in line or "Reports" in line
    ]
    assert sorted(walked) == sorted(planned)
    lines = call(world, "dvc", "dag", "--dot").splitlines()
    edges = [line for line in lines if "->" in line and "study/" not in line]
    for edge in edges:
        before, after = (part.strip().strip('";') for part in edge.split("->"))
        assert walked.index(before) < walked.index(after), edge


def test_the_flow_runs_what_changed_and_mlflow_records_it_once(world: Path, tmp_path: Path):
    edit_params(world, lambda params: params["pseudo_labels"]["heads"]["race"]["rules"][0].update(least=0.36))
    first = run_flow(world, tmp_path / "prefect")
    assert "Stage 'teacher' didn't change, skipping" in first
    assert "Running stage 'student@r1'" in first
    assert "epoch 2 of 2" in first, "a stage's own progress reaches the flow's log"

    def recorded() -> dict[str, mlflow.entities.Run]:
        client = mlflow.MlflowClient(f"sqlite:///{world}/runs/mlflow.db")
        experiment = client.get_experiment_by_name("distillery")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        parents = [run for run in runs if run.data.tags.get("prefect.flow_run")]
        assert len(parents) == 1
        children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parents[0].info.run_id]
        assert len(children) == 2
        return {run.data.tags["round"]: run for run in children} | {"parent": parents[0]}

    found = recorded()
    assert set(found) == {"r0", "r1", "parent"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert all(run.info.end_time >= run.info.start_time for run in found.values())
    name = re.search(r"Beginning flow run '(.*?)'", first)
    assert name is not None
    assert found["parent"].info.run_name == name.group(1)
    assert found["r1"].info.run_name == f"r1 {name.group(1)}"
    for key in ("r0", "r1"):
        run = found[key]
        assert run.data.metrics["epoch"] == 2
        assert "ensemble/print/gender/balanced_accuracy" in run.data.metrics
        assert run.data.params["network/backbone"] == "compact"
        assert {item.dataset.name for item in run.inputs.dataset_inputs} >= {"manifest", "images"}
    client = mlflow.MlflowClient(f"sqlite:///{world}/runs/mlflow.db")
    metric = "target/affect/ccc"
    history = client.get_metric_history(found["parent"].info.run_id, metric)
    assert sorted(point.step for point in history) == [0, 1]
    values = found["r1"].data.metrics
    assert values[metric] == pytest.approx(values["ensemble/print/affect/ccc"], abs=1e-4), "one data set is the target"
    means = [value for name, value in values.items() if name.startswith("target/") and name != "target/mean"]
    assert len(means) == 6
    assert values["target/mean"] == pytest.approx(sum(means) / 6)
    assert len(client.get_metric_history(found["r1"].info.run_id, "epoch")) == 2
    assert "few_shot/compound/compound/1_shots/f1_macro" in found["r1"].data.metrics
    figures = [item.path for item in client.list_artifacts(found["r1"].info.run_id, "confusion")]
    assert "confusion/print-gender.png" in figures

    again = run_flow(world, tmp_path / "prefect")
    assert "Running stage" not in again
    assert recorded()["r1"].info.run_id == found["r1"].info.run_id
    assert recorded()["parent"].info.end_time == found["parent"].info.end_time, "nothing happened since"
    assert len(client.get_metric_history(found["r1"].info.run_id, "epoch")) == 2


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_flow_leaves_no_process_and_goes_on(world: Path, tmp_path: Path, stop: signal.Signals):
    edit_params(world, lambda params: params["teacher"].update(epochs=2000))
    with start(world, "flows.distillation", env=flow_environment(world, tmp_path / "prefect")) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "epoch 3 of 2000" in line:
                process.send_signal(stop)
                break
        process.stdout.read()
    assert process.returncode != 0
    assert processes_in(world) == {}
    assert (world / ".checkpoints/r0.safetensors").is_file()
    runs = mlflow.MlflowClient(f"sqlite:///{world}/runs/mlflow.db").search_runs(["1"], "status = 'KILLED'")
    assert {run.data.tags["round"] for run in runs if "round" in run.data.tags} == {"r0"}
    assert len(runs) == 2, "and the parent"
    assert all("dvc.experiment" not in run.data.tags for run in runs)


def test_a_stage_that_is_killed_outright_is_run_again(world: Path, tmp_path: Path):
    edit_params(world, lambda params: params["student"].update(epochs=60, save_every=0.001))
    lines, killed, checkpoint = [], [], world / ".checkpoints/r1.safetensors"
    with start(world, "flows.distillation", env=flow_environment(world, tmp_path / "prefect")) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "epoch 3 of 60" in line and not killed:
                killed = kill(world, "tasks.student")
                assert checkpoint.is_file(), "from which it goes on"
    output = "".join(lines)
    assert process.returncode == 0, output[-3000:]
    assert killed
    assert output.count("Retry 1/2") == 1
    assert "epoch 60 of 60" in output.rsplit("Running stage 'student@r1'")[-1]
