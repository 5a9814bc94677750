"""The tree is the design: stages are modules, a stage's `deps` cover its code, each path has one writer."""

import ast
from pathlib import Path

import pytest
import yaml

from distillery.params.mistakes import UNWATCHED

ROOT = Path(__file__).parent.parent
# A comment in these must not train the teacher again (DESIGN): the schema, the tracking, the command line, the messages,
# where unfinished work waits.
EXEMPT = {
    "distillery.params",
    "distillery.params.agreement",
    "distillery.params.couplings",
    "distillery.params.inference",
    "distillery.params.kinds",
    "distillery.params.mistakes",
    "distillery.params.sections",
    "distillery.params.selection",
    "distillery.params.training",
    "distillery.errors",
    "distillery.files",
    "tasks.support.command",
    "tasks.support.locks",
    "tasks.support.machine",
    "tasks.support.paths",
    "tasks.support.resuming",
    "tasks.support.progress",
    "tasks.support.record",
    "tasks.support.tracking",
    "tasks.support.tracked",
    "tasks.support.yaml_file",
}
STAGES = {path.stem for path in (ROOT / "tasks").glob("*.py")} - {"__init__"}
STUDY = {path.stem for path in (ROOT / "tasks/study").glob("*.py")} - {"__init__", "design"}
# They take seconds, or hang on nearly everything: whole packages are simpler to name.
WHOLE = {"report", "study.networks", "study.claims"}


def pipeline() -> dict[str, dict]:
    """The stages of both files; the study's with a prefix."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    study = yaml.safe_load((ROOT / "study/dvc.yaml").read_text())["stages"]
    return {**stages, **{f"study.{name}": stage for name, stage in study.items()}}


def body(stage: dict) -> dict:
    return stage.get("do", stage)


def module_of(stage: dict) -> str:
    words = body(stage)["cmd"].split()
    assert words[:2] == ["python", "-m"]
    return words[2]


def file_of(module: str) -> Path | None:
    path = ROOT / Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def imports_of(module: str) -> set[str]:
    """The project's modules that a module imports, at its top or inside a function."""
    path = file_of(module)
    assert path is not None
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = {name for name in submodules if file_of(name)}
            found |= inner or {node.module}
            found |= {node.module} if submodules - inner else set()
    return {name for name in found if name.split(".")[0] in ("distillery", "tasks") and file_of(name)}


def closure_of(module: str) -> set[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen and name not in EXEMPT:
            seen.add(name)
            waiting += imports_of(name)
    return seen


def test_every_stage_is_a_module_and_every_module_a_stage():
    modules = {name: module_of(stage) for name, stage in pipeline().items()}
    assert set(modules.values()) == {f"tasks.{name}" for name in [*STAGES, *(f"study.{name}" for name in STUDY)]}
    assert all(modules[f"study.{name}"] == f"tasks.study.{name}" for name in STUDY)


def test_every_stage_has_its_section_in_params():
    sections = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert set(sections) >= STAGES


def test_every_stage_has_a_test():
    written = {path.stem.removeprefix("test_") for path in (ROOT / "tests").rglob("test_*.py")}
    assert {"write_faces" if stage == "faces" else stage for stage in STAGES | STUDY} <= written


@pytest.mark.parametrize("name", pipeline())
def test_deps_cover_the_code_that_a_stage_imports(name: str):
    stage = pipeline()[name]
    watched = [ROOT / dep for dep in body(stage)["deps"] if not dep.startswith(("data", "models"))]
    for module in closure_of(module_of(stage)):
        path = file_of(module)
        assert path is not None
        covered = any(path == dep or dep in path.parents for dep in watched)
        assert covered, f"stage {name}: imports {path.relative_to(ROOT)}, which its deps do not name"


@pytest.mark.parametrize("name", pipeline())
def test_deps_name_no_code_that_a_stage_does_not_use(name: str):
    if name in WHOLE:
        return
    stage = pipeline()[name]
    used = {file_of(module) for module in closure_of(module_of(stage))}
    for dep in body(stage)["deps"]:
        path = ROOT / dep
        if dep.startswith(("data", "models")):
            continue
        assert path.exists(), f"stage {name}: {dep} does not exist"
        path = (
            path.with_suffix(".py") if path.suffix == ".csv" else path
        )  # a table lies beside the module that reads it
        inside = {file for file in ([path] if path.is_file() else path.rglob("*.py")) if file.name != "__init__.py"}
        assert inside <= used, f"stage {name}: {dep} holds {inside - used}, which it does not use"


@pytest.mark.parametrize("name", pipeline())
def test_dvc_sees_a_change_of_every_parameter_that_a_stage_watches(name: str):
    """It is blind to keys called ``size`` or ``nfiles`` inside of a section that is named as a whole."""
    for entry in body(pipeline()[name]).get("params", []):
        for path, keys in ({"params.yaml": [entry]} if isinstance(entry, str) else entry).items():
            found = yaml.safe_load((ROOT / path).read_text())
            listed = [key for each in body(pipeline()[name])["params"] for key in _keys(each, path)]
            for key in keys:
                assert set(_blind(_at(found, key), key)) <= set(listed)


def _keys(entry: str | dict, path: str) -> list[str]:
    return entry.get(path, []) if isinstance(entry, dict) else [entry] if path == "params.yaml" else []


def _at(found: dict, key: str) -> object:
    if "$" in key:
        return {}
    for part in key.split("."):
        found = found[part]
    return found


def _blind(found: object, key: str) -> list[str]:
    if not isinstance(found, dict):
        return []
    mine = [f"{key}.{name}" for name in found if name in UNWATCHED]
    return mine + [deep for name, inner in found.items() for deep in _blind(inner, f"{key}.{name}")]


def test_each_path_has_one_writer():
    outs: list[str] = []
    for stage in pipeline().values():
        for out in body(stage).get("outs", []) + body(stage).get("metrics", []):
            outs.append(out if isinstance(out, str) else next(iter(out)))
    assert len(outs) == len(set(outs))
    for out in outs:
        assert not any(other != out and other.startswith(f"{out}/") for other in outs), f"{out} has two writers"


def test_modules_are_short_enough_to_read_at_one_sitting():
    files = [
        path for folder in ("distillery", "tasks", "flows", "benchmarks") for path in (ROOT / folder).rglob("*.py")
    ]
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: count for name, count in lines.items() if count > 200} == {}
