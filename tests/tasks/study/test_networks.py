import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml
from mlflow import MlflowClient

from distillery.errors import DistilleryError
from distillery.tables import read_table
from tasks.study import design, networks
from tasks.support import paths
from tests.world import call, contents, stages_run

KEPT = {"scores.csv", "draws.csv", "audit.csv", "history.csv"}


def test_a_network_and_its_round_are_kept_by_what_they_are_worth(study: Path):
    for variant, heads in (("fixed", 8), ("single_gender", 1)):
        folder = design.network_folder(variant, 0)
        assert {path.name for path in folder.iterdir()} == {"r0", "r1"}
        for key in ("r0", "r1"):
            assert {path.name for path in (folder / key).iterdir()} == KEPT
            assert pl.read_csv(folder / key / "scores.csv")["head"].n_unique() == heads
    assert not any((study / ".checkpoints/study").iterdir())
    assert not list(study.glob("models/study*")), "the pipeline's own artefacts are untouched"


def test_a_second_run_does_nothing_and_a_variant_that_changes_trains_alone(study: Path):
    assert stages_run(call(study, "dvc", "repro", "study/dvc.yaml")) == []
    found = yaml.safe_load(design.STUDY.read_text())
    found["variants"]["fixed"]["teacher"] = {"smoothing": 0.1}
    design.STUDY.write_text(yaml.safe_dump(found, sort_keys=False))
    assert stages_run(call(study, "dvc", "repro", "study/dvc.yaml")) == [
        "study/dvc.yaml:networks@0-fixed",
        "study/dvc.yaml:claims",
    ]


def test_interrupted_it_goes_on_where_it_was_and_ends_with_the_same_bytes(study: Path, monkeypatch: pytest.MonkeyPatch):
    target = design.network_folder("single_gender", 0)
    wanted, calls = contents(target), []
    shutil.rmtree(target)
    shutil.rmtree(networks.TEACHERS)
    train, evaluate = networks.teacher.train_teacher, networks.evaluation.main

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(networks.teacher, "train_teacher", lambda params: calls.append("teacher") or train(params))
    monkeypatch.setattr(networks.evaluation, "main", stop)
    with pytest.raises(KeyboardInterrupt):
        networks.write_networks(None, "0-single_gender")
    monkeypatch.setattr(networks.evaluation, "main", evaluate)
    networks.write_networks(None, "0-single_gender")
    assert calls == ["teacher"], "trained once"
    assert contents(target) == wanted


def test_a_teacher_that_another_variant_has_trained_is_taken(study: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(networks.teacher, "train_teacher", lambda _: pytest.fail("it is trained already"))
    wanted = contents(design.network_folder("fixed", 0) / "r0")
    found = yaml.safe_load(design.STUDY.read_text())
    found["variants"]["sure"] = found["variants"]["fixed"] | {"student": {"smoothing": 0.1}}
    design.STUDY.write_text(yaml.safe_dump(found, sort_keys=False))
    networks.write_networks(None, "0-sure")
    assert contents(design.network_folder("sure", 0) / "r0") == wanted


def test_teachers_that_other_code_has_trained_are_neither_taken_nor_kept(study: Path, monkeypatch: pytest.MonkeyPatch):
    (of_today,) = networks.TEACHERS.iterdir()
    of_today.rename(networks.TEACHERS / "of_other_code")
    wanted, train, calls = contents(design.network_folder("fixed", 0)), networks.teacher.train_teacher, []
    monkeypatch.setattr(networks.teacher, "train_teacher", lambda params: calls.append("teacher") or train(params))
    networks.write_networks(None, "0-fixed")
    assert calls == ["teacher"]
    assert list(networks.TEACHERS.iterdir()) == [of_today]
    assert contents(design.network_folder("fixed", 0)) == wanted


@pytest.mark.parametrize(("variant", "both"), [("partly_equal", False), ("equal", True)])
def test_a_partly_labelled_variant_learns_from_a_manifest_of_its_own(
    study: Path, monkeypatch: pytest.MonkeyPatch, variant: str, both: bool
):
    found = []

    def read(_: object) -> None:
        found.append(read_table(paths.MANIFEST).filter(pl.col("split") == "train", pl.col("dataset") == "webcam"))
        raise KeyboardInterrupt

    monkeypatch.setattr(networks.teacher, "train_teacher", read)
    with pytest.raises(KeyboardInterrupt):
        networks.write_networks(None, f"0-{variant}")
    seen = found[0].select(pl.col("expression", "action_units").is_not_null())
    assert (seen["expression"] & seen["action_units"]).any() == both
    assert (seen["expression"] | seen["action_units"]).all()
    whole = read_table(design.MANIFEST).filter(pl.col("split") == "train", pl.col("dataset") == "webcam")
    assert whole["expression"].null_count() == 0, "the study's own stays whole"


def test_work_of_other_parameters_is_not_gone_on_with(study: Path, monkeypatch: pytest.MonkeyPatch):
    folder = Path(".checkpoints/study/0-single_gender")
    (folder / "models/r0").mkdir(parents=True)
    (folder / networks.MARK).write_text("of something else")
    wanted = contents(design.network_folder("single_gender", 0))
    networks.write_networks(None, "0-single_gender")
    assert contents(design.network_folder("single_gender", 0)) == wanted


def test_the_record_has_an_experiment_of_the_study(study: Path):
    client = MlflowClient("sqlite:///runs/mlflow.db")
    experiment = client.get_experiment_by_name("study")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert sorted(run.info.run_name for run in parents) == ["fixed, seed 0", "single_gender, seed 0"]
    assert len(runs) == 6, "each with its teacher and its student"
    assert all("ensemble/print/gender/balanced_accuracy" in run.data.metrics for run in runs)


@pytest.mark.parametrize(
    ("key", "words"),
    [("fixed", "wants <seed>-<variant>, for instance 0-dynamic"), ("0-fixd", "no variant 'fixd'; allowed: .*'fixed'")],
)
def test_a_wrong_key_is_answered(study: Path, key: str, words: str):
    with pytest.raises(DistilleryError, match=words):
        networks.write_networks(None, key)


def test_a_variant_that_does_not_fit_is_named(study: Path):
    found = yaml.safe_load(design.STUDY.read_text())
    found["variants"]["fixed"]["teacher"] = {"smoothing": 3}
    design.STUDY.write_text(yaml.safe_dump(found, sort_keys=False))
    with pytest.raises(
        DistilleryError, match=r"study/params.yaml, variant fixed does not fit:\n  teacher.smoothing: .*found 3"
    ):
        networks.write_networks(None, "0-fixed")
