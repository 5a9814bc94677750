from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from distillery.heads import Heads
from distillery.images.shards import write_shard
from distillery.images.store import ImageStore
from distillery.labelling.adaptive import Adaptive, AdaptivePredictor
from distillery.labelling.inference import STOPPING, predict_shards
from distillery.labelling.predictor import Inference, Predictor
from distillery.labelling.views import View
from distillery.tables import read_metadata, read_table

VIEWS = [View("identity"), View("flip"), *(View("rotation", float(angle)) for angle in (-9, -6, -3, 3, 6, 9))]
IMAGES = 120
HOW = Adaptive(same=0.95, pilot=40, around={"mood": 0.5})


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 16, 16, 3), dtype=np.uint8)
    named = ((f"i{index}", image) for index, image in enumerate(pixels))
    write_shard(tmp_path / "many/00000.arrow", named, size=16, quality=None, fingerprint="")
    return ImageStore(tmp_path / "many")


@pytest.fixture
def wanted(heads: Heads) -> pl.DataFrame:
    """Every third image has a mood already."""
    columns = {name: [True] * IMAGES for name in heads}
    columns["mood"] = [index % 3 > 0 for index in range(IMAGES)]
    domains = ["a" if index % 4 else "b" for index in range(IMAGES)]
    return pl.DataFrame({"image": [f"i{index}" for index in range(IMAGES)], "domain": domains, **columns})


@pytest.fixture
def predictor(make_network: Callable, heads: Heads, store: ImageStore) -> Predictor:
    """Of a network whose views disagree."""
    network = make_network()
    with torch.no_grad():
        for head in network.heads.values():
            head.weight.mul_(8)
    how = Inference(views=VIEWS, batch=32, together=1, bf16=False, compile=False, device="cpu")
    return Predictor(network, heads, store, how)


def _predicted(adaptive: AdaptivePredictor, rows: pl.DataFrame):
    found = adaptive.predict(rows)
    return found.columns, found.views


def test_each_image_has_what_the_views_it_was_seen_by_say(predictor, heads: Heads, wanted: pl.DataFrame):
    adaptive = AdaptivePredictor(predictor, heads, VIEWS, HOW, HOW.pilot_of(wanted))
    found, counts = _predicted(adaptive, wanted)
    pilot = wanted["image"].is_in(HOW.pilot_of(wanted)["image"].implode()).to_numpy()
    assert counts[pilot].min() == len(VIEWS)
    assert 2 <= counts.min() < counts.mean() < counts.max() <= len(VIEWS)
    answers, order = predictor.answer_all(wanted["image"], VIEWS), adaptive.stopping.order
    for row in range(IMAGES):
        count = int(counts[row])
        for name, head_answers in answers.items():
            values = head_answers.values[list(order[:count]), row].double().numpy()
            known = adaptive.stopping.after(count)[name].weights if count < len(VIEWS) else np.full(count, 1 / count)
            mean = known @ values
            if name in ("mood", "units"):
                mean = mean.clip(0, 1)
            if name == "mood":
                mean /= mean.sum()
                assert found[name]["agreement"][row] == pytest.approx(
                    (values.argmax(axis=1) == mean.argmax()).mean(), abs=1e-6
                )
            np.testing.assert_allclose(found[name]["mean"][row], mean, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(found[name]["std"][row], values.std(axis=0), rtol=1e-3, atol=1e-4)


def test_an_image_that_all_views_saw_has_the_full_ensemble(predictor, heads: Heads, wanted: pl.DataFrame):
    strict = Adaptive(same=1 - 1e-9, pilot=40, around={"mood": 0.5})
    adaptive = AdaptivePredictor(predictor, heads, VIEWS, strict, strict.pilot_of(wanted))
    found, counts = _predicted(adaptive, wanted)
    full = next(iter(predictor.predict(wanted["image"])))
    rows = np.flatnonzero(counts[:32] == len(VIEWS))
    assert len(rows) > 5
    for name in heads:
        np.testing.assert_allclose(found[name]["mean"][rows], full[name].mean[rows], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found[name]["std"][rows], full[name].std[rows], rtol=1e-3, atol=2e-4)
    np.testing.assert_allclose(found["years"]["variance"][rows], full["years"].variance[rows], rtol=1e-3)


def test_no_pass_is_spent_on_an_image_that_is_done(predictor, heads: Heads, wanted: pl.DataFrame, monkeypatch):
    adaptive = AdaptivePredictor(predictor, heads, VIEWS, HOW, HOW.pilot_of(wanted))
    assert adaptive.stopping
    passes, real = [0], predictor.answer_all

    def counted(images: pl.Series, views: list[View]):
        passes[0] += len(images) * len(views)
        return real(images, views)

    monkeypatch.setattr(predictor, "answer_all", counted)
    assert adaptive.predict(wanted).views.sum() == passes[0] + HOW.pilot * len(VIEWS)


def test_the_pilot_is_spread_over_all_rows(wanted: pl.DataFrame):
    pilot = HOW.pilot_of(wanted)
    assert len(pilot) == 40
    assert pilot["image"][0] == "i0"
    assert pilot["image"][-1] == f"i{IMAGES - 1}"
    assert len(HOW.pilot_of(wanted.head(7))) == 7


@pytest.fixture
def run(make_network: Callable, heads: Heads, store: ImageStore, wanted: pl.DataFrame, tmp_path: Path) -> Callable:
    folder = tmp_path / "predictions"
    folder.mkdir()
    how = Inference(views=VIEWS, batch=32, together=1, bf16=False, compile=False, device="cpu")

    def start(adaptive: Adaptive = HOW) -> Path:
        return predict_shards(
            make_network(), heads, store, wanted, folder, how=how, shard=50, provenance={"teacher": "t"},
            progress=lambda _: None, adaptive=adaptive,
        )  # fmt: skip

    return start


def test_a_lost_shard_is_made_again_with_the_same_bytes_and_says_how(run: Callable, wanted: pl.DataFrame):
    folder = run()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "00001.parquet").unlink()
    assert {path.name: path.read_bytes() for path in run().iterdir()} == before
    assert (folder / "00000.parquet").stat().st_mtime_ns == times["00000.parquet"]
    found = read_table(folder)
    assert found["image"].equals(wanted["image"])
    assert found["mood"].is_null().equals(~wanted["mood"])
    assert "in this order, until" in read_metadata(folder / "00001.parquet")[STOPPING]


@pytest.mark.parametrize("changed", [{"same": 0.9}, {"pilot": 70}, {"around": {"mood": 0.6}}])
def test_another_way_of_saving_makes_every_shard_again(run: Callable, changed: dict):
    before = {path.name: path.stat().st_mtime_ns for path in run().iterdir()}
    how = Adaptive(**{"same": HOW.same, "pilot": HOW.pilot, "around": HOW.around} | changed)
    after = {path.name: path.stat().st_mtime_ns for path in run(how).iterdir()}
    assert not set(before.values()) & set(after.values())


@pytest.mark.parametrize(("count", "shard", "pilot"), [(101, 50, 40), (30, 50, 40), (3, 50, 40), (1, 50, 40)])
@pytest.mark.parametrize("by_domain", [False, True])
def test_shards_that_the_pilot_fills_and_domains_of_one_image_are_predicted(
    make_network, heads: Heads, store, wanted, tmp_path, count: int, shard: int, pilot: int, by_domain: bool
):
    folder = tmp_path / "predictions"
    folder.mkdir()
    rows = wanted.head(count).with_columns(
        domain=pl.when(pl.col("image") == "i0").then(pl.lit("b")).otherwise(pl.lit("a"))
    )
    how = Inference(views=VIEWS, batch=32, together=1, bf16=False, compile=False, device="cpu")
    predict_shards(
        make_network(), heads, store, rows, folder, how=how, shard=shard, provenance={}, progress=lambda _: None,
        adaptive=Adaptive(same=0.9, pilot=pilot, around={}), by_domain=by_domain,
    )  # fmt: skip
    found = read_table(folder)
    assert found["image"].equals(rows["image"])
    assert np.isfinite(np.stack(found["units"])).all()
