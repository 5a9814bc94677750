"""A head that learns people, through the whole pipeline."""

import json
from pathlib import Path

import polars as pl
from PIL import Image, ImageOps

from distillery.heads import Identification
from distillery.networks.model import load_model
from tests.world import call, edit_params


def _learn_people(params: dict) -> None:
    params["heads"]["person"] = {"kind": "identification", "dimensions": 16}
    for dataset in params["manifest"]["datasets"].values():
        dataset["heads"]["person"] = "identity"


def _add_strangers(world: Path) -> None:
    """The layout of LFW: four people of the print, mirrored, and a list of two folds."""
    rows = pl.read_csv(world / "data/raw/print/labels.csv")
    names = rows["identity"].unique(maintain_order=True).to_list()[:4]
    for name in names:
        for number, path in enumerate(rows.filter(pl.col("identity") == name)["path"], start=1):
            target = world / f"data/raw/strangers/{name}/{name}_{number:04d}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(world / "data/raw/print" / path) as picture:
                ImageOps.mirror(picture).save(target)
    one, two, three, four = names
    lines = ["2 1", f"{one} 1 2", f"{one} 1 {two} 1", f"{three} 1 2", f"{three} 1 {four} 1"]
    (world / "data/raw/pairs.txt").write_text("\n".join(lines) + "\n")


def _verify_strangers(params: dict) -> None:
    params["manifest"]["datasets"]["strangers"] = {
        "adapter": "people",
        "path": "data/raw/strangers",
        "domain": "strangers",
        "heads": {"person": "identity"},
        "pairs": "data/raw/pairs.txt",
        "splits": {"all": {"test": 1}},
    }


def test_people_are_learnt_and_verified_on_people_whom_training_never_saw(world: Path):
    edit_params(world, _learn_people)
    edit_params(world, _verify_strangers)
    _add_strangers(world)
    output = call(world, "dvc", "repro")
    assert "strangers: 4 of 4 pairs are of test images" in output
    strangers = json.loads((world / "data/rounds/r1/evaluation.json").read_text())["ensemble"]["strangers"]
    assert 0 <= strangers["person"]["pairs_accuracy"] <= 1
    network, card = load_model(world / "models/r1")
    assert isinstance(card.heads["person"], Identification)
    assert network.heads["person"].out_features == 16
    found = json.loads((world / "data/rounds/r1/evaluation.json").read_text())["ensemble"]
    assert {"auc", "accepted_at_0.01", "verification_accuracy"} <= set(found["print"]["person"])
    manifest = pl.read_parquet(world / "data/manifest.parquet")
    people = {
        split: set(manifest.filter(pl.col("split") == split)["person"].drop_nulls()) for split in ("train", "test")
    }
    assert not people["train"] & people["test"]
    assert not any(
        column.startswith("person")
        for column in pl.read_parquet(world / "data/rounds/r1/pseudo_labels.parquet").columns
    )
    history = pl.read_parquet(world / "models/r0/history.parquet")
    assert history["train_loss/person"].is_not_nan().all()
    assert "person" in (world / "data/report/index.html").read_text()


def test_without_an_identity_column_the_splits_would_cut_people_and_it_is_refused(world: Path):
    def forget(params: dict) -> None:
        _learn_people(params)
        params["manifest"]["datasets"]["studio"]["identity"] = None

    edit_params(world, forget)
    found = call(world, "tasks.manifest", check=False)
    assert "manifest.datasets.studio.identity is missing, and heads.person learns people" in found
