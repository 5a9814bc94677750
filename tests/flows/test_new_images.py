"""Images that arrive, by the flow itself: a real Prefect (its own temporary server) and a real DVC repository."""

from pathlib import Path

import polars as pl
from PIL import Image, ImageOps

from distillery.tables import read_table
from tasks.support.command import read_params
from tests.served import run_python
from tests.world import edit_params

CALL = "import sys; from flows.distillation import new_images; new_images(sys.argv[1], 'street', 'phone')"


def _run(world: Path, inbox: Path, home: Path, *, check: bool = True) -> str:
    return run_python(world, home, "-c", CALL, str(inbox), check=check)


def _set_path(world: Path, path: str) -> None:
    edit_params(world, lambda params: params["manifest"]["datasets"]["print"].update(path=path))


def test_they_become_unlabelled_data_and_one_round_and_are_taken_once(world: Path, tmp_path: Path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number, path in enumerate(sorted((world / "data/raw/print").rglob("*.png"))[:3]):
        ImageOps.invert(Image.open(path).convert("RGB")).save(inbox / f"{number}.png")
    (inbox / "text.jpg").write_text("hello")
    _set_path(world, "data/raw/nowhere")
    failed = _run(world, inbox, tmp_path / "prefect", check=False)
    assert "text.jpg: not taken (not an image)" in failed
    assert "3 new images for the data set 'street'" in failed
    assert "data/raw/nowhere" in failed
    _set_path(world, "data/raw/print")
    finished = _run(world, inbox, tmp_path / "prefect")
    assert "0 new images" in finished
    assert "Running stage 'student@r2'" in finished, "they were taken, and nothing had been made of them"
    assert list(read_params().rounds) == ["r1", "r2"]
    rows = read_table(Path("data/manifest.parquet"), only=pl.col("dataset") == "street")
    assert rows["split"].cast(pl.String).to_list() == ["unlabelled"] * 3
    assert rows["domain"].cast(pl.String).to_list() == ["phone"] * 3
    assert "nfiles: 3" in (world / "data/raw/street.dvc").read_text(), "they go with `dvc push`"
    labelled = read_table(Path("data/rounds/r2/pseudo_labels.parquet"))["image"]
    assert set(rows["image"]) <= set(labelled)

    again = _run(world, inbox, tmp_path / "prefect")
    assert "0 new images" in again
    assert "Running stage" not in again and "dvc" not in again
    assert list(read_params().rounds) == ["r1", "r2"]
