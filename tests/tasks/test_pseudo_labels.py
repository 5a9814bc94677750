from pathlib import Path

import polars as pl
import pytest

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.params import Params
from distillery.tables import READABLE, pseudo_labels_schema, read_metadata, read_table
from tasks import evaluation, pseudo_labels, student
from tasks.support.command import read_params
from tests.world import edit_params

PATH = Path("data/rounds/r1/pseudo_labels.parquet")


def test_a_higher_threshold_keeps_fewer_and_what_it_keeps_is_surer(world: Path, params: Params):
    few = read_table(PATH)
    sure = float(few["gender_confidence"].median())
    edit_params(world, lambda found: found["pseudo_labels"]["heads"]["gender"]["rules"][0].update(least=sure))
    pseudo_labels.main(read_params(), "r1")
    after = read_table(PATH)
    kept = after.filter(after["gender_reason"] == "kept")
    assert 0 < len(kept) < (few["gender_reason"] == "kept").sum()
    assert kept["gender_confidence"].min() >= sure


def test_labelled_cells_have_no_pseudo_label(world: Path):
    table = read_table(PATH)
    labelled = table.filter(table["gender_reason"] == "labelled")
    assert len(labelled) > 0
    assert labelled["gender_weight"].null_count() == labelled["gender_soft"].null_count() == len(labelled)


def test_the_teacher_is_named_in_the_file(world: Path):

    assert read_metadata(PATH)["teacher"] == file_hash(Path("models/r0/weights.safetensors"))


def test_images_of_the_validation_split_calibrate_and_are_not_learnt_from(world: Path):
    manifest = read_table(Path("data/manifest.parquet"))
    known = manifest.filter((pl.col("split") == "val") & (pl.col("status") == READABLE))
    assert known["image"].is_in(read_table(Path("data/rounds/r1/predictions"))["image"].implode()).all()
    assert not known["image"].is_in(read_table(PATH)["image"].implode()).any()


def test_each_head_has_its_calibration_in_a_table(world: Path, params: Params):
    errors = pl.read_csv("data/rounds/r1/calibration/errors.csv")
    assert set(errors["head"]) == set(params.distilled)
    labelled = read_table(Path("data/manifest.parquet")).filter(
        (pl.col("split") == "val") & (pl.col("status") == READABLE) & pl.col("gender").is_not_null()
    )
    row = errors.row(by_predicate=(pl.col("head") == "gender") & (pl.col("domain") == "studio"), named=True)
    assert row["cells"] == labelled["image"].n_unique()
    bins = pl.read_csv("data/rounds/r1/calibration/reliability.csv").filter(pl.col("head") == "gender")
    assert bins.group_by("when").agg(pl.col("cells").sum()).sort("when")["cells"].to_list() == [row["cells"]] * 2


def test_a_domain_without_validation_labels_stays_as_predicted(world: Path, capsys):
    pseudo_labels.main(read_params(), "r1")
    assert "gender: taken as predicted in print, webcam: fewer than " in capsys.readouterr().out
    manifest = read_table(Path("data/manifest.parquet"), ["image", "domain"]).unique("image")
    predictions = read_table(Path("data/rounds/r1/predictions")).select("image", predicted="gender")
    table = read_table(PATH).join(predictions, on="image").join(manifest, on="image")
    target = table.filter(pl.col("domain") == "print")
    assert len(target) and target["gender_soft"].equals(target["predicted"].alias("gender_soft"))


def test_a_head_that_is_calibrated_too_badly_is_refused(world: Path):
    edit_params(world, lambda found: found["pseudo_labels"]["calibration"].update(worst=1e-6))
    with pytest.raises(
        DistilleryError, match=r"head '\w+': its calibration error on the validation split is 0\.\d+, and pseudo_labels"
    ):
        pseudo_labels.main(read_params(), "r1")


def test_where_nothing_is_kept_it_says_what_to_do(world: Path, capsys):
    def refuse(found: dict) -> None:
        for name, head in found["pseudo_labels"]["heads"].items():
            numbers = name in ("age", "affect")
            head["rules"][0].update({"width": 1e-6} if numbers else {"least": 1.0})

    edit_params(world, refuse)
    pseudo_labels.main(read_params(), "r1")
    said = capsys.readouterr().out
    assert "pseudo_labels gender: kept 0 of" in said
    assert "nothing is kept, and r1 cannot learn from it: loosen pseudo_labels.heads.<head>.rules" in said


def test_a_head_without_labels_enough_is_taken_as_predicted_and_says_so(world: Path, capsys):
    edit_params(world, lambda found: found["pseudo_labels"]["calibration"].update(least=10_000, worst=1e-6))
    pseudo_labels.main(read_params(), "r1")
    assert (
        "gender: taken as predicted in print, studio, webcam: fewer than 10000 validation labels there"
        in capsys.readouterr().out
    )
    predictions = read_table(Path("data/rounds/r1/predictions")).select("image", predicted="gender")
    table = read_table(PATH).join(predictions, on="image")
    assert table["gender_soft"].equals(table["predicted"].alias("gender_soft"))


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "top_k", "share": 0.5, "repeat": 3},
        {"kind": "rate_matched"},
        {"kind": "flex_match", "least": 0.5},
        {"kind": "free_match"},
        {"kind": "soft_match"},
        {"kind": "uncertainty", "least": 0.5, "spread": 0.2, "balanced": True, "negative": None},
    ],
)
def test_any_rule_makes_a_table_that_the_student_can_read(world: Path, rule: dict):
    def choose(found: dict) -> None:
        for name in ("gender", "action_units"):
            found["pseudo_labels"]["heads"][name]["rules"] = [{"kind": "debiased", "strength": 0.4}, rule]

    edit_params(world, choose)
    pseudo_labels.main(read_params(), "r1")
    table = read_table(PATH, schema=pseudo_labels_schema(read_params().distilled))
    assert (table["gender_weight"].drop_nulls() > 0).any()
    assert set(table["gender_reason"].cast(pl.String)) <= {"kept", "labelled", f"refused by {rule['kind']}"}


def test_a_student_learns_what_images_are_not_and_the_audit_counts_it(world: Path, capsys):
    def choose(found: dict) -> None:
        negative = {"most": 0.3, "spread": 0.5}
        rule = {"kind": "uncertainty", "least": 1.0, "spread": 1e-6, "balanced": False, "negative": negative}
        found["pseudo_labels"]["heads"]["race"]["rules"] = [rule]

    edit_params(world, choose)
    params = read_params()
    pseudo_labels.main(params, "r1")
    table = read_table(PATH)
    unlike = table.filter(pl.col("race_reason") == "negative")
    assert len(unlike) > 10
    assert unlike["race_weight"].max() == 0
    assert unlike["race_negative"].arr.any().all()
    assert f"of {len(unlike)} what they are not" in capsys.readouterr().out
    before = Path("models/r1/weights.safetensors").read_bytes()
    student.train_student(params, "r1")
    assert Path("models/r1/weights.safetensors").read_bytes() != before
    evaluation.main(params, "r1")
    audit = pl.read_csv("data/rounds/r1/evaluation/audit.csv").filter(pl.col("head") == "race")
    found = dict(audit.select("metric", "value").rows())
    assert 0.4 < found["negative_precision"] <= 1
    assert 0 < found["negative_yield"] < 3


def test_a_rule_that_keeps_nothing_leaves_a_table_of_refusals(world: Path):
    edit_params(world, lambda found: found["pseudo_labels"]["heads"]["gender"]["rules"][0].update(least=1.0))
    pseudo_labels.main(read_params(), "r1")
    assert set(read_table(PATH)["gender_reason"].cast(pl.String)) == {"labelled", "refused by threshold"}
