import re
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml

from distillery.errors import DistilleryError
from tasks.support import editing
from tasks.support.editing import change_params, set_values

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy of the committed parameters."""
    copy = tmp_path / "params.yaml"
    copy.write_text((ROOT / "params.yaml").read_text())
    return copy


def _set(path: Path, **values: object) -> None:
    change_params(lambda document: set_values(document, {key.replace("__", "."): v for key, v in values.items()}), path)


def test_a_value_is_set_and_every_comment_and_other_value_stays(path: Path):
    before = path.read_text()
    _set(path, ledger__similarity=0.97, pseudo_labels__heads__age__rules__0__width=12, predictions__batch=64)
    wanted = yaml.safe_load(before)
    wanted["ledger"]["similarity"] = 0.97
    wanted["pseudo_labels"]["heads"]["age"]["rules"][0]["width"] = 12
    wanted["predictions"]["batch"] = 64
    after = path.read_text()
    assert yaml.safe_load(after) == wanted
    comments = {word for line in before.splitlines() if "#" in line for word in line.split("#", 1)[1].split()}
    assert comments <= set(after.replace("#", " ").split())


@pytest.mark.parametrize("name", ["params.yaml", "benchmarks/photos/params.yaml", "benchmarks/digits/params.yaml"])
def test_no_other_line_changes(path: Path, name: str):
    before = (ROOT / name).read_text()
    path.write_text(before)
    _set(path, seed=7, ledger__similarity=0.97, teacher__epochs=7)
    first = re.search("epochs: [0-9]+", before)
    assert first is not None, "the teacher's"
    wanted = before.replace("seed: 0", "seed: 7", 1).replace("similarity: 0.96", "similarity: 0.97", 1)
    assert path.read_text() == wanted.replace(first.group(), "epochs: 7", 1)


def test_a_section_that_is_laid_out_otherwise_is_written_anew_and_no_other(path: Path):
    before = path.read_text()
    _set(path, seed=7, student__augmentation__erase=0.3)
    lines = set(path.read_text().splitlines())
    lost = [line for line in before.splitlines() if line not in lines]
    assert [line.split(":")[0].strip() for line in lost] == ["seed", "augmentation"]
    assert yaml.safe_load(path.read_text())["student"]["augmentation"]["erase"] == 0.3


def test_what_lines_cannot_be_merged_into_is_written_whole(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(editing, "_merge", lambda mine, *_: mine)
    _set(path, seed=7)
    assert yaml.safe_load(path.read_text())["seed"] == 7


def test_what_another_yaml_would_read_otherwise_is_written_so_that_ours_does_not(path: Path):
    _set(path, teacher__learning_rate=1e-05, report__title="yes")
    found = yaml.safe_load(path.read_text())
    assert (found["teacher"]["learning_rate"], found["report"]["title"]) == (1e-05, "yes")
    for title in ("a: b", "[", "{x", "# no comment", "", "plain words"):
        _set(path, report__title=title)
        assert yaml.safe_load(path.read_text())["report"]["title"] == title
    assert not any(line != line.rstrip() for line in path.read_text().splitlines())


def test_what_inherits_by_an_anchor_changes_with_it(path: Path):
    _set(path, teacher__epochs=7)
    found = yaml.safe_load(path.read_text())
    assert found["teacher"]["epochs"] == found["student"]["epochs"] == 7


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("teacher__epoch", 3, r"teacher\.epoch: unknown key"),
        ("teacher__epochs", "many", r"teacher\.epochs: .*integer.*found 'many'"),
        ("techer__epochs", 3, r"override 'techer\.epochs': there is no 'techer'; allowed there: seed, threads"),
        ("pseudo_labels__heads__age__rules__3__width", 3, r"there is no .*rules\.3'; allowed there: 0 to 0"),
        ("pseudo_labels__heads__age__rules__3", 3, r"rules has no '3'; write a key of params\.yaml"),
        ("seed__x", 3, r"seed has no 'x'"),
        ("rounds", {"r1": {"teacher": "r7"}}, r"rounds\.r1\.teacher is 'r7'; allowed: \['r0'\]"),
    ],
)
def test_what_does_not_fit_is_named_and_the_file_stays(path: Path, key: str, value: object, message: str):
    before = path.read_bytes()
    with pytest.raises(DistilleryError, match=message):
        _set(path, **{key: value})
    assert path.read_bytes() == before


def test_nothing_new_writes_nothing(path: Path):
    before = path.stat().st_mtime_ns
    _set(path, seed=0)
    assert path.stat().st_mtime_ns == before


def test_a_file_that_is_broken_already_is_said_to_be(path: Path):
    path.write_text("seed: [")
    with pytest.raises(DistilleryError, match="not YAML"):
        _set(path, seed=1)


@pytest.mark.parametrize("name", ["params.yaml", "benchmarks/photos/params.yaml", "benchmarks/digits/params.yaml"])
def test_what_dvc_exp_run_writes_for_an_override_it_can_read_again(path: Path, name: str):
    path.write_text((ROOT / name).read_text())
    apply_overrides(path, ["seed=7"])  # takes quotes away, and libyaml then finds a colon in braces
    assert load_yaml(str(path)) == yaml.safe_load((ROOT / name).read_text()) | {"seed": 7}
