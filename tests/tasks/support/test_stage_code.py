import shutil
from pathlib import Path

import pytest

from tasks.support import provenance
from tests.world import ROOT


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the code, to change."""
    for name in ("distillery", "tasks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("distillery/heads.py", {"teacher", "student", "predictions", "evaluation"}),
        ("tasks/support/augmentation.py", {"teacher", "student"}),
        ("distillery/emotions.csv", {"teacher", "student", "evaluation"}),
        ("distillery/labelling/adaptive.py", {"predictions"}),
        ("tasks/report.py", set()),
    ],
)
def test_a_stage_goes_on_from_no_work_of_other_code(tree: Path, path: str, stages: set[str]):
    def codes() -> dict[str, str]:
        return {stage: provenance.stage_code(stage) for stage in ("teacher", "student", "predictions", "evaluation")}

    before = codes()
    with (tree / path).open("a") as file:
        file.write("\n")
    after = codes()
    assert {stage for stage in before if before[stage] != after[stage]} == stages
