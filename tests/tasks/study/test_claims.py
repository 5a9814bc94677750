import shutil

import polars as pl
import pytest
import yaml

from distillery.errors import DistilleryError
from tasks.study import claims, design


def test_what_is_not_trained_yet_is_said_and_left_out(study, capsys):
    shutil.rmtree(design.network_folder("single_gender", 0))
    claims.write_report(None)
    assert "study: single_gender, seed 0, is not trained yet" in capsys.readouterr().out
    page = (design.REPORT / "study.md").read_text()
    assert "| fixed | expression, action_units, affect | 1 |" in page
    assert "single_gender" not in page.split("## Claims")[0]


def test_without_any_network_it_says_how_to_train_them(study):
    shutil.rmtree(design.NETWORKS)
    with pytest.raises(DistilleryError, match="no network is there; `make study` trains them"):
        claims.write_report(None)


def test_again_gives_the_same_bytes(study):
    found = {path.name: path.read_bytes() for path in design.REPORT.iterdir()}
    claims.write_report(None)
    assert set(found) == {"study.md", "study.png", "claims.csv"}
    assert {path.name: path.read_bytes() for path in design.REPORT.iterdir()} == found


def test_the_difference_is_that_of_the_scores(study):
    found = pl.read_csv(design.REPORT / "claims.csv")
    row = found.filter((pl.col("claim") == "several_heads_label_better") & (pl.col("head") == "gender")).row(
        0, named=True
    )
    values = []
    for variant in ("fixed", "single_gender"):
        scores = pl.read_csv(design.network_folder(variant, 0) / "r0/scores.csv")
        at = (pl.col("dataset") == "print") & (pl.col("head") == "gender") & (pl.col("way") == "ensemble")
        values.append(scores.filter(at & (pl.col("metric") == "balanced_accuracy"))["value"].item())
    assert row["value"] == pytest.approx(values[0] - values[1])
    assert row["low"] <= row["value"] <= row["high"]
    assert row["verdict"] == "open: too few seeds"


def test_without_single_heads_nothing_is_said_of_transfer(study):
    assert "## Transfer" in (design.REPORT / "study.md").read_text()
    found = yaml.safe_load(design.STUDY.read_text())
    design.STUDY.write_text(yaml.safe_dump({**found, "single": None}))
    claims.write_report(None)
    page = (design.REPORT / "study.md").read_text()
    assert "## Claims" in page
    assert "## Transfer" not in page


def test_a_mistake_in_the_study_is_named(study):
    found = yaml.safe_load(design.STUDY.read_text())
    design.STUDY.write_text(yaml.safe_dump({**found, "trained": ["fixd"]}))
    with pytest.raises(DistilleryError, match=r"study/params.yaml does not fit:\n.*trained names 'fixd'"):
        claims.write_report(None)


def test_a_claim_of_a_head_that_there_is_not_is_named(study):
    found = yaml.safe_load(design.STUDY.read_text())
    found["claims"]["target_images_help"]["heads"] = ["agee"]
    design.STUDY.write_text(yaml.safe_dump(found))
    with pytest.raises(DistilleryError, match=r"claims.target_images_help names heads \['agee'\]; allowed: \['age', "):
        claims.write_report(None)
