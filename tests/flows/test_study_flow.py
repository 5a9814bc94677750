"""The study's flow against a real Prefect (its own temporary server) and a real DVC repository."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flows import study as module
from tests.served import run_flow
from tests.world import call


def test_the_flow_walks_every_stage_of_the_study(study: Path, monkeypatch: pytest.MonkeyPatch):
    walked: list[str] = []
    shown: list[Path] = []

    def note(stage: str, key: str | None = None, *, file: str = "dvc.yaml") -> None:
        address = f"{stage}@{key}" if key else stage
        walked.append(address if file == "dvc.yaml" else f"{file}:{address}")

    monkeypatch.setattr(module, "run", note)
    monkeypatch.setattr(module, "show_study", shown.append)
    module.study.fn()
    assert [page.read_text().startswith("# What the methods are worth") for page in shown] == [True]
    listed = call(study, "dvc", "stage", "list", "study/dvc.yaml").splitlines()
    planned = [line.split()[0] for line in listed if "Outputs" in line]
    assert [address for address in walked if address.startswith("study/")] == planned
    assert [address for address in walked if not address.startswith("study/")] == [
        f"faces@{domain}" for domain in ("studio", "webcam", "print", "compound")
    ]


def test_a_finished_study_runs_nothing(study: Path, tmp_path: Path):
    output = run_flow(study, tmp_path / "prefect", "study")
    for stage in ("images", "networks@0-fixed", "networks@0-single_gender", "claims"):
        assert f"Stage 'study/dvc.yaml:{stage}' didn't change, skipping" in output
    assert "Running stage" not in output
    with closing(sqlite3.connect(tmp_path / "prefect/prefect.db")) as database:
        ((page,),) = database.execute("SELECT data FROM artifact WHERE key = 'study'").fetchall()
    assert "## Claims" in page
    assert "![" not in page, "pictures lie beside the page"
