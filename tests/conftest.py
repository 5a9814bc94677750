"""A small world that ran once, and copies of it to break."""

import shutil
from pathlib import Path

import pytest

from distillery.params import Params
from tasks.support.command import read_params
from tests import world as small


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole pipeline, one round, run by DVC. Read only."""
    folder = small.make_world(tmp_path_factory.mktemp("finished") / "world")
    output = small.call(folder, "dvc", "repro")
    assert small.stages_run(output)[-1] == "report"
    return folder


@pytest.fixture
def world(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished world, as the working directory."""
    folder = tmp_path / "world"
    shutil.copytree(finished, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def params(world: Path) -> Params:
    return read_params(world / "params.yaml")
