"""A small world that ran once, and its study; copies of them to break."""

import shutil
from functools import partial
from pathlib import Path

import pytest
import yaml

from distillery.params import Params
from tasks.support.command import read_params
from tasks.support.tracking import FLOW_RUN_NAME
from tests import world as small
from tests.once import make_once


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole pipeline, one round, run by DVC. Read only."""
    return make_once("finished", tmp_path_factory, _finish) / "world"


def _finish(folder: Path) -> None:
    output = small.call(small.make_world(folder / "world"), "dvc", "repro")
    assert small.stages_run(output)[-1] == "report"


@pytest.fixture
def world(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished world, as the working directory."""
    return _stand_in_a_copy(finished, tmp_path / "world", monkeypatch)


@pytest.fixture
def params(world: Path) -> Params:
    return read_params(world / "params.yaml")


@pytest.fixture(scope="session")
def studied(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks, one seed. Read only."""
    return make_once("studied", tmp_path_factory, partial(_study, finished)) / "world"


def _study(finished: Path, folder: Path) -> None:
    world = folder / "world"
    shutil.copytree(finished, world, symlinks=True)
    path = world / "study/params.yaml"
    found = yaml.safe_load(path.read_text())
    found |= {"seeds": [0], "trained": ["fixed", "single_gender"], "resamples": 200}
    found["base"] |= {"images": {"size": 32}, "network": {"width": 0.25}}
    for section in ("teacher", "student"):
        found["base"][section] = {"epochs": 2, "steps_per_epoch": 3, "batch": 16}
    found["base"]["evaluation"]["resamples"] = 20
    del found["base"]["pseudo_labels"]  # thresholds of networks that know something
    path.write_text(yaml.safe_dump(found, sort_keys=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FLOW_RUN_NAME, "wise-owl")  # as a flow does
        small.call(world, "dvc", "repro", "study/dvc.yaml")


@pytest.fixture
def study(studied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the working directory."""
    return _stand_in_a_copy(studied, tmp_path / "study", monkeypatch)


def _stand_in_a_copy(source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(source, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return folder
