from pathlib import Path

import polars as pl
import pytest
import torch

from distillery.errors import DistilleryError
from distillery.networks.safetensors import load_tensors
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


def test_a_student_may_start_from_its_teachers_weights_and_not_from_another_networks(world: Path, params: Params):
    slow = {"learning_rate": 1e-9, "weight_decay": 0.0, "ema": 0.0, "start": "teacher"}
    params = params.model_copy(update={"student": params.student.model_copy(update=slow)})
    train_student(params, "r1")
    found, teacher = (load_tensors(Path(f"models/{key}/weights.safetensors")) for key in ("r1", "r0"))
    learnt = [name for name in teacher if "running" not in name and "num_batches" not in name]
    assert all(torch.allclose(found[name], teacher[name], atol=1e-5) for name in learnt)
    wider = params.model_copy(update={"network": params.network.model_copy(update={"width": 0.5})})
    with pytest.raises(DistilleryError, match=r"models/r0/card\.json: another network than params\.yaml describes"):
        train_student(wider, "r1")


def test_pseudo_labels_matter(world: Path, params: Params):
    before = WEIGHTS.read_bytes()
    path = Path("data/rounds/r1/pseudo_labels.parquet")
    table = read_table(path)
    swapped = table.with_columns(gender_soft=pl.col("gender_soft").arr.reverse())
    from distillery.tables import pseudo_labels_schema

    write_table(swapped.to_arrow(), pseudo_labels_schema(params.distilled), path)
    train_student(params, "r1")
    assert WEIGHTS.read_bytes() != before
