"""Images that arrive, by the flow itself: a real Prefect (its own temporary server) and a real DVC repository."""

from pathlib import Path

import polars as pl
from PIL import Image, ImageOps

from distillery.tables import read_table
from tasks.support.command import read_params
from tests.served import run_python

CALL = "import sys; from flows.distillation import new_images; new_images(sys.argv[1], 'street', 'phone')"


def _run(world: Path, inbox: Path, home: Path) -> str:
    return run_python(world, home, "-c", CALL, str(inbox))


def test_they_become_unlabelled_data_and_one_round_and_are_taken_once(world: Path, tmp_path: Path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number, path in enumerate(sorted((world / "data/raw/print").rglob("*.png"))[:3]):
        ImageOps.invert(Image.open(path).convert("RGB")).save(inbox / f"{number}.png")
    (inbox / "text.jpg").write_text("hello")
    first = _run(world, inbox, tmp_path / "prefect")
    assert "text.jpg: not taken (not an image)" in first
    assert "3 new images for the data set 'street'" in first
    assert "Running stage 'student@r2'" in first
    assert list(read_params().rounds) == ["r1", "r2"]
    rows = read_table(Path("data/manifest.parquet"), only=pl.col("dataset") == "street")
    assert rows["split"].cast(pl.String).to_list() == ["unlabelled"] * 3
    assert rows["domain"].cast(pl.String).to_list() == ["phone"] * 3
    labelled = read_table(Path("data/rounds/r2/pseudo_labels.parquet"))["image"]
    assert set(rows["image"]) <= set(labelled)

    again = _run(world, inbox, tmp_path / "prefect")
    assert "0 new images" in again
    assert "Running stage" not in again and "dvc" not in again
    assert list(read_params().rounds) == ["r1", "r2"]
