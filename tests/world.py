"""A small world: the real pipeline with the real parameters, scaled down, in a folder of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
CODE = ("distillery", "tasks", "flows", "study", "dvc.yaml", ".dvcignore", ".gitignore", "pyproject.toml")
Edit = Callable[[dict[str, Any]], None]


def small_params() -> dict[str, Any]:
    """The committed params.yaml with few images, steps and resamples."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["threads"] = 1
    params["faces"]["size"] = params["images"]["size"] = 32
    for domain in params["faces"]["domains"].values():
        domain |= {"people": 14, "images": 56}
    for section in ("teacher", "student"):
        params[section] |= {"epochs": 2, "steps_per_epoch": 3, "batch": 16}
    params["predictions"]["shard"] = 40
    params["evaluation"]["resamples"] = 20
    params["few_shot"] |= {"shots": [1], "repeats": 1, "steps": 2}
    params["network"]["width"] = 0.25
    params["rounds"] = {"r1": {"teacher": "r0"}}
    params["pseudo_labels"]["calibration"] |= {"least": 3, "worst": 1}
    for name in ("age", "affect"):
        params["pseudo_labels"]["heads"][name]["rules"][0]["width"] = 50.0
    for name, least in {"gender": 0.5, "race": 0.3334, "expression": 0.15, "action_units": 0.5}.items():
        params["pseudo_labels"]["heads"][name]["rules"][0]["least"] = least
    return params


def write_params(folder: Path, params: dict[str, Any]) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def edit_params(folder: Path, edit: Edit) -> None:
    params = yaml.safe_load((folder / "params.yaml").read_text())
    edit(params)
    write_params(folder, params)


def make_world(folder: Path) -> Path:
    """A Git and DVC repository with the code and small parameters; nothing has run."""
    folder.mkdir(parents=True)
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    (folder / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    for name in ("data", "models"):
        (folder / name).mkdir()
    write_params(folder, small_params())
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    commit_all(folder)
    return folder


def commit_all(folder: Path) -> None:
    for command in (["add", "-A"], ["commit", "-q", "-m", "world"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *command], cwd=folder, check=True)


def environment(folder: Path) -> dict[str, str]:
    """Python here means the interpreter that runs the tests, and the world's own code."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(folder), "DO_NOT_TRACK": "true", "PYTHONUNBUFFERED": "1"}


def start(folder: Path, *arguments: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """Start ``python -m <arguments>`` in the world; its ``stdout`` has both streams."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def call(folder: Path, *arguments: str, check: bool = True) -> str:
    """Run ``python -m <arguments>`` in the world; returns its whole output."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def stages_run(output: str) -> list[str]:
    """Which stages a ``dvc repro`` executed, in order."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def contents(path: Path) -> dict[str, bytes]:
    """The files at a path by name; drafts are nobody's artefacts."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path.parent)): file.read_bytes() for file in files if not file.name.endswith(".tmp")}


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
