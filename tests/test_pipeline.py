"""The pipeline under DVC: what a change runs again, two clones, interruptions."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from distillery.tables import read_table
from tasks.support.command import read_params
from tests.world import call, contents, edit_params, environment, make_world, remove, stages_run


def test_a_second_run_runs_nothing(world: Path):
    assert stages_run(call(world, "dvc", "repro")) == []


def test_a_threshold_runs_again_from_pseudo_labels_on(world: Path):
    half = float(
        read_table(world / "data/rounds/r1/pseudo_labels.parquet", ["race_confidence"])["race_confidence"].median()
    )
    edit_params(world, lambda params: params["pseudo_labels"]["heads"]["race"]["rules"][0].update(least=half))
    ran = stages_run(call(world, "dvc", "repro"))
    assert ran[:2] == ["pseudo_labels@r1", "student@r1"]
    assert sorted(ran[2:-2]) == ["evaluation@r1", "few_shot@r1"]
    assert ran[-2:] == ["promotion", "report"]


def test_params_are_checked_without_running_anything(world: Path):
    assert call(world, "tasks.support.commands", "check").startswith("params.yaml fits: heads age, gender, race")
    edit_params(world, lambda params: params["rounds"]["r1"].update(teacher="r7"))
    said = call(world, "tasks.support.commands", "check", check=False)
    assert "rounds.r1.teacher is 'r7'; allowed: ['r0']" in said


def test_another_size_makes_other_images_and_the_old_one_brings_back_the_old(world: Path):
    """DVC's cache of runs leaves out what is called ``size`` inside of a section."""
    before = contents(world / "data/images")
    for side, same in ((24, False), (read_params(world / "params.yaml").images.size, True)):
        edit_params(world, lambda params, side=side: params["images"].update(size=side))
        call(world, "dvc", "repro", "--single-item", "images")
        assert (contents(world / "data/images") == before) is same


def test_one_more_round_runs_nothing_old_and_a_removed_one_leaves_the_report(world: Path):
    edit_params(world, lambda params: params["rounds"].update(r2={"teacher": "r1"}))
    ran = stages_run(call(world, "dvc", "repro"))
    assert ran[:3] == ["predictions@r2", "pseudo_labels@r2", "student@r2"]
    assert sorted(ran[3:-2]) == ["evaluation@r2", "few_shot@r2"]
    assert ran[-2:] == ["promotion", "report"]
    assert "r2" in (world / "data/report/index.html").read_text()
    edit_params(world, lambda params: params["rounds"].pop("r2"))
    assert set(stages_run(call(world, "dvc", "repro"))) <= {"promotion", "report"}
    assert "r2" not in (world / "data/promotion.json").read_text()


def test_two_clones_give_the_same_lock(finished: Path, tmp_path: Path):
    other = make_world(tmp_path / "other")
    call(other, "dvc", "repro")
    first, second = (yaml.safe_load((folder / "dvc.lock").read_text()) for folder in (finished, other))
    assert first == second


@pytest.mark.parametrize(
    ("command", "out"),
    [
        (["tasks.faces", "studio"], "data/raw/studio"),
        (["tasks.manifest"], "data/manifest.parquet"),
        (["tasks.images"], "data/images"),
        (["tasks.predictions", "r1"], "data/rounds/r1/predictions"),
        (["tasks.pseudo_labels", "r1"], "data/rounds/r1/pseudo_labels.parquet"),
        (["tasks.student", "r1"], "models/r1"),
        (["tasks.evaluation", "r1"], "data/rounds/r1/evaluation"),
        (["tasks.few_shot", "r1"], "data/rounds/r1/few_shot.json"),
        (["tasks.promotion"], "data/promotion.json"),
        (["tasks.report"], "data/report"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_interrupted_anywhere_the_same_command_ends_the_same(world: Path, command: list[str], out: str):
    wanted = contents(world / out)
    for delay in (0.8, 2.5):
        remove(world / out)
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=world, env=environment(world), stdout=subprocess.DEVNULL
        )
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        process.wait(30)
        half = contents(world / out)
        assert half.items() <= wanted.items(), "what is there is whole"
    call(world, *command)
    assert contents(world / out) == wanted
