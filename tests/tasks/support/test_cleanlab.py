from pathlib import Path

import numpy as np
import polars as pl
import pytest
from cleanlab.filter import find_label_issues

from distillery.errors import DistilleryError
from distillery.params import Params
from distillery.tables import read_table
from tasks.support.cleanlab import export_labels
from tests.world import call


def test_cleanlab_takes_the_table_and_finds_a_wrong_label_in_it(world: Path, params: Params):
    export_labels("r1", "gender", Path("gender.csv"), params)
    table = pl.read_csv("gender.csv")
    labels, chances = table["label"].to_numpy().copy(), table[["p_male", "p_female"]].to_numpy()
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)
    # The small world's network knows little: labels as it says, but where it is surest of all.
    labels = chances.argmax(axis=1)
    surest = int(chances.max(axis=1).argmax())
    labels[surest] = 1 - labels[surest]
    found = find_label_issues(labels, chances, return_indices_ranked_by="self_confidence", n_jobs=1)
    assert found[:1].tolist() == [surest]


def test_it_holds_every_image_whose_truth_is_known_and_no_training_label(world: Path, params: Params):
    export_labels("r1", "expression", Path("found.csv"), params)
    found = pl.read_csv("found.csv")
    wanted = read_table(Path("data/manifest.parquet")).filter(
        pl.col("split").is_in(["val", "audit"]) & pl.col("expression").is_not_null() & (pl.col("status") == "ok")
    )
    assert set(found["image"]) == set(wanted["image"])
    truth = dict(zip(wanted["image"], wanted["expression"].cast(pl.String), strict=True))
    classes = params.heads["expression"].classes
    assert [classes[label] for label in found["label"]] == [truth[image] for image in found["image"]]
    assert found.columns == ["image", "path", "split", "label", *(f"p_{name}" for name in classes)]


@pytest.mark.parametrize(
    ("key", "head", "words"),
    [
        ("r9", "gender", r"no round 'r9'; allowed: \['r1'\]"),
        ("r1", "age", r"no classification head 'age'; allowed: \['gender', 'race', 'expression'\]"),
    ],
)
def test_what_is_not_there_is_said(world: Path, params: Params, key: str, head: str, words: str):
    with pytest.raises(DistilleryError, match=words):
        export_labels(key, head, Path("x.csv"), params)
    assert not Path("x.csv").exists()


def test_the_command(world: Path):
    said = call(world, "tasks.support.commands", "cleanlab", "r1", "race", "race.csv")
    assert "race.csv: " in said
    assert Path("race.csv").is_file()
