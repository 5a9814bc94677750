"""The chain on a finished world: every link of it is what the artefacts themselves say."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.params import Params
from distillery.tables import pseudo_labels_schema, read_table, write_table
from tasks import pseudo_labels
from tasks.support.command import read_params
from tasks.support.record import open_record
from tasks.support.trace import trace
from tasks.support.tracking import record_rounds
from tests.world import call, edit_params

PSEUDO = Path("data/rounds/r1/pseudo_labels.parquet")


def _told(what: str, params: Params) -> str:
    return "\n".join(trace(what, params))


def test_an_image_of_the_pool_is_followed_to_the_metrics_of_who_learnt_it(world: Path, params: Params):
    table = read_table(PSEUDO)
    row = table.filter(pl.col("gender_reason") == "kept").row(0, named=True)
    told = _told(row["image"], params)
    place = read_table(Path("data/manifest.parquet"), only=pl.col("image") == row["image"]).row(0, named=True)
    assert f"image {row['image']}: {place['path']} (data set {place['dataset']}, domain {place['domain']}" in told
    assert f"gender: {row['gender_hard']}, kept (confidence {row['gender_confidence']:.3f}, weight 1)" in told
    teacher, student = (file_hash(Path(f"models/{key}/weights.safetensors"))[:12] for key in ("r0", "r1"))
    assert f"round r1: seen by 6 views of r0 (weights {teacher})" in told
    assert f"network r1: weights {student} in models/r1" in told
    assert f"from {PSEUDO}: {file_hash(PSEUDO)[:12]}, as it lies here" in told
    assert "on print: age" in told
    assert "ANOTHER" not in told
    assert _told(place["path"], params) == _told(str(Path(place["path"]).absolute()), params) == told


def test_an_image_is_found_by_the_beginning_of_its_id_and_by_any_file_of_its_pixels(world: Path, params: Params):
    row = read_table(Path("data/manifest.parquet")).row(0, named=True)
    told = _told(row["image"], params)
    assert _told(row["image"][:12], params) == told
    elsewhere = world.parent / "holiday 1.png"
    shutil.copy(row["path"], elsewhere)
    assert _told(str(elsewhere), params) == told
    table = read_table(Path("data/manifest.parquet"))
    same = table.with_columns(image=pl.lit("abcdef0123") + pl.col("image").str.slice(10))
    write_table(same.to_arrow(), same.to_arrow().schema, Path("data/manifest.parquet"))
    with pytest.raises(DistilleryError, match=rf"'abcdef01' begins the ids of {table['image'].n_unique()} images"):
        _told("abcdef01", params)


def test_a_round_that_is_not_made_yet_is_said_to_be(world: Path, params: Params):
    image = read_table(PSEUDO)["image"][0]
    edit_params(world, lambda found: found["rounds"].update(r2={"teacher": "r1"}))
    assert _told(image, read_params()) == _told(image, params) + "\nround r2: not made yet"


def test_the_run_of_a_flow_leads_to_its_rounds_and_one_of_other_networks_to_their_experiment(
    world: Path, params: Params
):
    call(world, "tasks.support.tracking")
    child = _told("r1", params).split("MLflow run ")[1].split()[0]
    client = open_record(params)
    parent = client.get_run(child).data.tags["mlflow.parentRunId"]
    client.set_tag(parent, "dvc.experiment", "wise-owl")
    told = _told(parent, params)
    assert "round r0: MLflow run" in told and f"round r1: MLflow run {child}" in told
    assert "DVC experiment wise-owl" in told
    edit_params(world, lambda found: found["student"].update(epochs=1))
    call(world, "tasks.student", "r1")
    assert "not the network in models/r1; `dvc exp apply wise-owl` brings it back" in _told(child, params)
    student = next(alias for alias in ("champion", "challenger") if "of round r1" in _told(alias, params))
    assert "`dvc exp apply wise-owl` brings it back" in _told(student, params)
    client.delete_tag(parent, "dvc.experiment")
    assert "not the network in models/r1; no DVC experiment has kept it" in _told(child, params)
    shutil.rmtree("models/r1")
    assert _told("r1", params) == "network r1: not made yet"
    assert "not the network in models/r1" in _told(child, params)


def test_a_cell_with_a_label_and_a_refused_one_are_told_apart(world: Path, params: Params):
    table = read_table(PSEUDO)
    labelled = table.filter(pl.col("gender_reason") == "labelled")["image"][0]
    assert "gender: has a label" in _told(labelled, params)
    edit_params(world, lambda found: found["pseudo_labels"]["heads"]["gender"]["rules"][0].update(least=1.0))
    pseudo_labels.main(read_params(), "r1")
    refused = read_table(PSEUDO).filter(pl.col("gender_reason") == "refused by threshold")["image"][0]
    assert "male, refused by threshold (confidence" in _told(refused, params).replace("female", "male")


def test_a_pseudo_label_file_a_round_and_an_mlflow_run_lead_to_the_same_network(world: Path, params: Params):
    call(world, "tasks.support.tracking")
    by_round = _told("r1", params)
    run = by_round.split("MLflow run ")[1].split()[0]
    assert _told(run, params) == f"MLflow run {run}: r1 {params.report.title}\n{by_round}"
    by_file = _told(str(PSEUDO.absolute()), params)
    assert _told(str(PSEUDO), params) == by_file
    assert by_file.endswith(by_round)
    counts = read_table(PSEUDO)["race_reason"].cast(pl.String).value_counts()
    assert all(f"{count} {reason}" in by_file for reason, count in counts.rows())
    assert "registered as distillery" in by_round
    champion = _told("champion", params)
    assert "@champion" in champion
    assert call(world, "tasks.support.commands", "trace", "champion").splitlines()[-1] == champion.splitlines()[-1]


def test_a_network_leads_to_the_run_that_made_it_not_to_one_that_recorded_it_again(world: Path, params: Params):
    call(world, "tasks.support.tracking")
    made = _told("r1", params)
    edit_params(world, lambda found: found["evaluation"].update(resamples=found["evaluation"]["resamples"] + 1))
    changed = read_params()
    parents = [record_rounds(each, whole=False) for each in (params, changed)]
    assert parents[0] != parents[1], "another record"
    assert _told("r1", changed) == made


def test_what_was_made_from_other_bytes_is_said_to_be(world: Path, params: Params):
    table = read_table(PSEUDO)
    write_table(table.with_columns(gender_weight=0.5).to_arrow(), pseudo_labels_schema(params.distilled), PSEUDO)
    assert f"from {PSEUDO}:" in _told("r1", params)
    assert "ANOTHER one lies here now" in _told("r1", params)


def test_what_is_nothing_of_ours_is_answered_with_what_there_is(world: Path, params: Params):
    for nothing in ("abc", "", "a" * 300, "params.yaml", "data/raw/print"):
        with pytest.raises(
            DistilleryError, match=rf"'{nothing}' is no image of data/manifest\.parquet, no MLflow run of ours.*r0, r1"
        ):
            _told(nothing, params)
    with pytest.raises(DistilleryError, match="MLflow knows no distillery@champion; `make record`"):
        _told("champion", params)
