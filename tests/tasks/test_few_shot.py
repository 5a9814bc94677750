import json

import numpy as np
import polars as pl
import pytest
import torch
import yaml

from distillery.errors import DistilleryError
from distillery.images.store import ImageStore
from distillery.params import validate
from distillery.tables import read_table
from tasks import few_shot
from tasks.support import paths
from tests.world import contents


def test_every_number_of_shots_is_measured_by_recall_and_f1(world, params):
    found = pl.read_csv(paths.few_shot("r1").with_suffix(".csv"))
    assert found["shots"].unique().sort().to_list() == [0, *params.few_shot.shots]
    assert set(found["metric"]) >= {"balanced_accuracy", "f1_macro"}
    assert found["head"].unique().to_list() == ["compound"]
    nested = json.loads(paths.few_shot("r1").read_text())
    zero = found.filter((pl.col("shots") == 0) & (pl.col("metric") == "f1_macro"))["value"].mean()
    assert nested["compound"]["compound"]["0_shots"]["f1_macro"] == pytest.approx(zero, abs=1e-5)


def test_interrupted_it_keeps_what_is_measured_and_ends_with_the_same_bytes(world, params, monkeypatch):
    wanted = contents(paths.few_shot("r1").with_suffix(".csv"))
    measure, calls = few_shot._measure, []

    def once(*arguments: object) -> dict[str, float]:
        if calls:
            raise KeyboardInterrupt
        calls.append(arguments)
        return measure(*arguments)

    monkeypatch.setattr(few_shot, "_measure", once)
    with pytest.raises(KeyboardInterrupt):
        few_shot.write_few_shot("r1", params)
    monkeypatch.setattr(few_shot, "_measure", lambda *arguments: calls.append(arguments) or measure(*arguments))
    few_shot.write_few_shot("r1", params)
    assert len(calls) == 1 + len(params.few_shot.shots), "0 shots, then the others: none twice"
    assert contents(paths.few_shot("r1").with_suffix(".csv")) == wanted


def test_nobody_is_measured_whom_it_learnt_from(world, params, monkeypatch):
    tune, predict = few_shot.fine_tune, few_shot._predict
    learnt: list[torch.Tensor] = []
    measured: list[np.ndarray] = []

    def note(model, store, positions, device):
        measured.append(positions)
        return predict(model, store, positions, device)

    monkeypatch.setattr(few_shot, "_predict", note)
    monkeypatch.setattr(
        few_shot, "fine_tune", lambda m, images, *a, **k: learnt.append(images) or tune(m, images, *a, **k)
    )
    few_shot.write_few_shot("r1", params)
    assert all((positions == measured[0]).all() for positions in measured), "the same people for all shots"
    rows = read_table(paths.MANIFEST).filter(pl.col("compound").is_not_null() & (pl.col("status") == "ok"))
    store = ImageStore(paths.IMAGES)
    who = dict(zip(store.positions(rows["image"]).tolist(), rows["identity"], strict=True))
    pixels = {place: store.gather(np.array([place]))[0] for place in who}
    seen = {who[place] for image in learnt[0] for place, found in pixels.items() if torch.equal(image, found)}
    assert len(learnt[0]) == len(params.heads["compound"].classes)
    assert seen and seen.isdisjoint(who[place] for place in measured[0].tolist())


def test_too_many_shots_are_answered(world, params):
    found = yaml.safe_load((world / "params.yaml").read_text())
    found["few_shot"]["shots"] = [1000]
    with pytest.raises(DistilleryError, match=r"few_shot\.shots: found 1000, allowed is at most \d+"):
        few_shot.write_few_shot("r1", validate(found, "params.yaml"))


def test_without_compounds_the_table_is_empty(world, params):
    found = yaml.safe_load((world / "params.yaml").read_text())
    del found["heads"]["compound"]
    found["manifest"]["datasets"]["compound"]["heads"] = {}
    few_shot.write_few_shot("r1", validate(found, "params.yaml"))
    assert json.loads(paths.few_shot("r1").read_text()) == {}
    assert pl.read_csv(paths.few_shot("r1").with_suffix(".csv")).columns == list(few_shot.SCHEMA)
