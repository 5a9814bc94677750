"""The registered champion, asked in both of MLflow's ways: in this process, and by ``mlflow models serve``."""

import base64
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from mlflow.exceptions import MlflowException

from distillery.heads import Classification, names
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.networks.model import load_model
from distillery.networks.multihead import decode_all
from distillery.params import Params
from distillery.tables import read_table
from tasks.support import paths
from tasks.support.command import read_params
from tests.served import free_port, wait_until_answered
from tests.world import call, edit_params, environment

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own


@pytest.fixture(scope="module")
def recorded(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world whose record has a champion."""
    folder = tmp_path_factory.mktemp("recorded") / "world"
    shutil.copytree(finished, folder, symlinks=True)
    call(folder, "tasks.support.tracking")
    return folder


@pytest.fixture
def params(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Its parameters; it is the working directory."""
    monkeypatch.chdir(recorded)
    mlflow.set_tracking_uri(_uri(recorded))
    return read_params()


def _uri(folder: Path) -> str:
    return f"sqlite:///{folder}/runs/mlflow.db"


def _pictures(count: int) -> pl.DataFrame:
    return read_table(paths.MANIFEST, only=pl.col("dataset") == "print").head(count)


def _expected(rows: pl.DataFrame, params: Params) -> dict[str, np.ndarray]:
    """What the champion's network says of the stored pixels."""
    champion = json.loads(paths.PROMOTION.read_text())["champion"]
    network, _ = load_model(paths.model(champion))
    store = ImageStore(paths.IMAGES)
    with torch.inference_mode():
        logits = network(to_float(store.gather(store.positions(rows["image"]))))
    return {name: values.numpy() for name, (values, _) in decode_all(params.learnt, logits).items()}


def test_it_answers_on_files_as_the_pipeline_does_on_the_stored_pixels(params: Params):
    rows = _pictures(3)
    files = pd.DataFrame({"image": [Path(path).read_bytes() for path in rows["path"]]})
    answer = mlflow.pyfunc.load_model("models:/distillery@champion").predict(files)
    for name, values in _expected(rows, params).items():
        head = params.learnt[name]
        found = answer[[f"{name}/{value}" for value in names(head)]].to_numpy()
        assert found == pytest.approx(values, abs=1e-4)
        if isinstance(head, Classification):
            assert answer[name].tolist() == [head.classes[each] for each in values.argmax(axis=1)]


def test_a_file_that_is_no_picture_is_named_by_its_row(params: Params):
    files = pd.DataFrame({"image": [Path(_pictures(1)["path"][0]).read_bytes(), b"no picture"]})
    with pytest.raises(MlflowException, match="row 1: not an image"):
        mlflow.pyfunc.load_model("models:/distillery@champion").predict(files)


def test_a_path_is_no_file(params: Params):
    served = mlflow.pyfunc.load_model("models:/distillery@champion")
    with pytest.raises(MlflowException, match="row 0: PosixPath, not the bytes of a file"):
        served.unwrap_python_model().predict(
            SimpleNamespace(model_config={"min_side": 16, "max_pixels": 10**6}),
            pd.DataFrame({"image": [Path(_pictures(1)["path"][0])]}),
        )


def test_the_exported_network_answers_on_arrays_of_any_number_and_of_one_size(params: Params):
    experiment = mlflow.get_experiment_by_name("distillery")
    assert experiment is not None
    logged = mlflow.search_logged_models([experiment.experiment_id], output_format="list")
    network = next(model for model in logged if model.name == "network")
    served = mlflow.pyfunc.load_model(network.model_uri)
    answer = np.asarray(served.predict(np.random.default_rng(0).random((3, 3, 32, 32), dtype=np.float32)))
    columns = served.metadata.metadata["columns"]
    assert answer.shape == (3, len(columns))
    genders = [columns.index(f"gender/{name}") for name in ("male", "female")]
    assert answer[:, genders].sum(axis=1) == pytest.approx(np.ones(3), abs=1e-4)
    with pytest.raises(MlflowException):
        served.predict(np.zeros((1, 3, 33, 32), dtype=np.float32))


def test_a_network_is_logged_once_and_has_what_it_is_worth(recorded: Path, tmp_path: Path):
    folder = tmp_path / "world"
    shutil.copytree(recorded, folder, symlinks=True)
    client = mlflow.MlflowClient(_uri(folder))

    def models() -> list:
        return list(client.search_logged_models(["1"]))

    before = models()
    assert sorted(model.name for model in before) == ["model", "model", "network", "network"]
    edit_params(folder, lambda found: found["evaluation"].update(resamples=found["evaluation"]["resamples"] + 1))
    call(folder, "dvc", "repro")
    for _ in range(2):
        call(folder, "tasks.support.tracking")
    after = models()
    assert {model.model_id for model in after} == {model.model_id for model in before}
    students = client.search_runs(["1"], "tags.round = 'r1'")
    assert len(students) == 2, "each pipeline has its own record"
    ids = [{output.model_id for output in run.outputs.model_outputs} for run in students]
    assert ids[0] == ids[1] and len(ids[0]) == 2
    (answering,) = (model for model in after if model.model_id in ids[0] and model.name == "model")
    worth = {metric.key: metric.value for metric in answering.metrics if metric.run_id == students[0].info.run_id}
    assert worth["target/mean"] == students[0].data.metrics["target/mean"]


@pytest.fixture
def address(recorded: Path, tmp_path: Path) -> Iterator[str]:
    """Where ``mlflow models serve`` answers, in a process that knows nothing of the project's code."""
    port = str(free_port())
    command = ["mlflow", "models", "serve", "-m", "models:/distillery@champion", "--env-manager", "local", "-p", port]
    for package in ("distillery", "tasks", "flows"):  # before those that are installed, after the model's own
        (tmp_path / "decoys" / package).mkdir(parents=True)
        (tmp_path / "decoys" / package / "__init__.py").write_text("raise ImportError('the project was asked')")
    known = environment(recorded) | {"MLFLOW_TRACKING_URI": _uri(recorded), "PYTHONPATH": str(tmp_path / "decoys")}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", *command], cwd=tmp_path, env=known, stdout=log, stderr=log)
    try:
        wait_until_answered(f"http://127.0.0.1:{port}/ping", process, tmp_path / "log")
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        process.terminate()
        process.wait(30)


def test_it_answers_on_files_over_the_network(params: Params, address: str):
    rows = _pictures(2)
    records = [{"image": base64.b64encode(Path(path).read_bytes()).decode()} for path in rows["path"]]
    found = _ask(address, records)
    expected = _expected(rows, params)
    assert [row["age/years"] for row in found] == pytest.approx(expected["age"][:, 0].tolist(), abs=1e-3)
    with pytest.raises(urllib.error.HTTPError) as error:
        _ask(address, [{"image": base64.b64encode(b"no picture").decode()}])
    with error.value as refused:
        assert refused.code == 400
        assert "row 0: not an image" in refused.read().decode()


def _ask(address: str, records: list[dict[str, str]]) -> list[dict]:
    body, headers = json.dumps({"dataframe_records": records}).encode(), {"content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(address, data=body, headers=headers), timeout=60) as answer:
        return json.load(answer)["predictions"]
