from pathlib import Path

import polars as pl

from distillery.params import Params
from distillery.tables import manifest_schema, read_table, write_table
from tasks.student import train_student

WEIGHTS = Path("models/r1/weights.safetensors")


def test_a_student_differs_from_its_teacher_and_repeats_itself(world: Path, params: Params):
    before = WEIGHTS.read_bytes()
    assert before != Path("models/r0/weights.safetensors").read_bytes()
    train_student(params, "r1")
    assert WEIGHTS.read_bytes() == before


def test_the_truth_of_audit_images_reaches_no_weight(world: Path, params: Params):
    before = WEIGHTS.read_bytes()
    path = Path("data/manifest.parquet")
    table = read_table(path)
    audit = pl.col("split") == "audit"
    assert table.filter(audit)["gender"].n_unique() > 1
    wrong = pl.when(audit).then(pl.lit("male")).otherwise(pl.col("gender").cast(pl.String))
    write_table(table.with_columns(gender=wrong).to_arrow(), manifest_schema(params.heads), path)
    train_student(params, "r1")
    assert WEIGHTS.read_bytes() == before


def test_pseudo_labels_matter(world: Path, params: Params):
    before = WEIGHTS.read_bytes()
    path = Path("data/rounds/r1/pseudo_labels.parquet")
    table = read_table(path)
    swapped = table.with_columns(gender_soft=pl.col("gender_soft").arr.reverse())
    from distillery.tables import pseudo_labels_schema

    write_table(swapped.to_arrow(), pseudo_labels_schema(params.distilled), path)
    train_student(params, "r1")
    assert WEIGHTS.read_bytes() != before
