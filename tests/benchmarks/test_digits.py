"""Beyond faces: a class head, a detection head and their coupling, by parameters alone."""

import json
from pathlib import Path

import polars as pl
import pytest
import yaml
from PIL import Image

from benchmarks.digits.data import SIZE, STROKES, write_digits
from distillery.params import validate
from tests.world import ROOT, call, make_world, write_params

PARAMS = yaml.safe_load((ROOT / "benchmarks/digits/params.yaml").read_text())


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    write_digits(folder, printed=60, written=90)
    return folder


def test_the_parameters_are_valid_and_name_the_strokes():
    params = validate(PARAMS, "params.yaml")
    assert params.heads["strokes"].elements == tuple(STROKES)


def test_the_declared_relatedness_is_what_the_labels_are_made_of():
    """And no two digits are made of the same strokes."""
    declared = PARAMS["teacher"]["couplings"][0]["relatedness"]
    shown = {digit: {stroke for stroke, digits in STROKES.items() if digit in digits} for digit in "0123456789"}
    assert {digit: set(strokes) for digit, strokes in declared.items()} == shown
    assert len({frozenset(strokes) for strokes in shown.values()}) == 10


def test_every_image_has_its_row_and_the_same_bytes_every_time(digits: Path, tmp_path: Path):
    write_digits(tmp_path, printed=60, written=90)
    for name, count in (("printed", 60), ("marked", 30), ("written", 60)):
        table = pl.read_csv(digits / name / "labels.csv")
        assert len(table) == count
        for path in table["path"]:
            assert (digits / name / path).read_bytes() == (tmp_path / name / path).read_bytes()
            with Image.open(digits / name / path) as image:
                assert image.size == (SIZE, SIZE)
    assert set(pl.read_csv(digits / "printed" / "labels.csv")["digit"]) == set(range(10))


def test_the_whole_pipeline_runs_on_digits(tmp_path: Path):
    world = make_world(tmp_path / "world")
    params = yaml.safe_load((ROOT / "benchmarks/digits/params.yaml").read_text())
    params["network"]["width"] = 0.25
    for section in ("teacher", "student"):
        params[section] |= {"epochs": 1, "steps_per_epoch": 3, "batch": 24}
    params["pseudo_labels"]["heads"] = {
        name: {"rules": [{"kind": "threshold", "least": 0.5}], "targets": "soft"} for name in params["heads"]
    }
    params["evaluation"]["resamples"] = 20
    write_params(world, params)
    write_digits(world / "data/raw", printed=120, written=240)
    call(world, "dvc", "repro")
    found = json.loads((world / "data/rounds/r1/evaluation.json").read_text())
    assert set(found["ensemble"]["written"]) == {"digit", "strokes"}
    history = pl.read_parquet(world / "models/r0/history.parquet")
    assert {"coupling/soft_co_annotation-digit-strokes", "weight/digit"} <= set(history.columns)
