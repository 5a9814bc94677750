from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from distillery.errors import DistilleryError
from distillery.heads import Heads
from distillery.images.store import ImageStore
from distillery.labelling.ensemble import predict
from distillery.labelling.inference import predict_shards
from distillery.labelling.predictor import Inference
from distillery.labelling.views import View
from distillery.tables import predictions_schema, read_metadata, read_table

VIEWS = (View("identity"), View("flip"))


@pytest.fixture
def wanted(heads: Heads) -> pl.DataFrame:
    """All eight images; mood is labelled in every second one, years in the last."""
    columns = {name: [True] * 8 for name in heads}
    columns |= {"mood": [index % 2 == 0 for index in range(8)], "years": [index < 7 for index in range(8)]}
    return pl.DataFrame({"image": [f"i{index}" for index in range(8)], "domain": ["d"] * 8, **columns})


@pytest.fixture
def run(make_network: Callable, heads: Heads, store: ImageStore, wanted: pl.DataFrame, tmp_path: Path) -> Callable:
    folder = tmp_path / "predictions"
    folder.mkdir()

    def start(*, rows: pl.DataFrame = wanted, teacher: str = "t", batch: int = 2, views=VIEWS) -> Path:
        how = Inference(views=views, batch=batch, together=1, bf16=False, compile=False, device="cpu")
        return predict_shards(
            make_network(), heads, store, rows, folder, how=how, shard=3, provenance={"teacher": teacher},
            progress=lambda _: None,
        )  # fmt: skip

    return start


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _written(folder: Path) -> dict[str, int]:
    """When each file was written: made again it is later, even where its bytes are the same."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_every_empty_cell_is_predicted_and_labelled_ones_are_null(run: Callable, heads, make_network, pixels):
    found = read_table(run())
    direct = predict(make_network().eval(), heads, torch.from_numpy(pixels), VIEWS, bf16=False)
    assert found["image"].to_list() == [f"i{index}" for index in range(8)]
    assert found["views"].to_list() == [2] * 8
    assert found["mood"].is_null().to_list() == found["mood_agreement"].is_null().to_list() == [False, True] * 4
    assert found["years"].is_null().to_list() == found["years_variance"].is_null().to_list() == [False] * 7 + [True]
    for name in ("units", "place"):
        np.testing.assert_allclose(found[name].to_numpy(), direct[name].mean, atol=1e-5)
    np.testing.assert_allclose(np.stack(found["mood"].drop_nulls()), direct["mood"].mean[::2], atol=1e-5)
    assert found.columns == predictions_schema(heads).names


def test_shards_are_of_a_size_and_say_what_made_them(run: Callable):
    folder = run()
    assert [len(read_table(folder / f"0000{number}.parquet")) for number in range(3)] == [3, 3, 2]
    assert read_metadata(folder / "00000.parquet")["teacher"] == "t"


def test_finished_shards_are_kept_and_missing_and_damaged_ones_made_again(run: Callable):
    folder = run()
    before, files = _bytes(folder), _written(folder)
    assert _written(run()) == files
    (folder / "00000.parquet").unlink()
    cut = folder / "00001.parquet"
    cut.write_bytes(cut.read_bytes()[:-100])
    assert _bytes(run()) == before
    assert _written(folder)["00002.parquet"] == files["00002.parquet"]


@pytest.mark.parametrize(
    "changed", [{"teacher": "u"}, {"views": VIEWS[:1]}, {"views": (View("identity"), View("scale", 0.9))}]
)
def test_another_teacher_or_other_views_make_every_shard_again(run: Callable, changed: dict):
    before = _written(run())
    after = _written(run(**changed))
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert read_metadata(run(**changed) / "00002.parquet")["teacher"] == changed.get("teacher", "t")


def test_another_cell_to_predict_makes_its_shard_again(run: Callable, wanted: pl.DataFrame):
    before = _written(run())
    rows = wanted.with_columns(years=pl.col("image") != "i0")
    after = _written(run(rows=rows))
    assert [before[name] == after[name] for name in sorted(before)] == [False, True, False]


def test_shards_that_are_no_longer_wanted_are_removed(run: Callable, wanted: pl.DataFrame):
    folder = run()
    (folder / "00009.parquet").write_bytes(b"old")
    run(rows=wanted.head(3))
    assert [path.name for path in folder.iterdir()] == ["00000.parquet"]


def test_the_size_of_a_batch_changes_no_membership(run: Callable):
    small = read_table(run(batch=1))
    for path in (run() / "00000.parquet", run() / "00001.parquet", run() / "00002.parquet"):
        path.unlink()
    large = read_table(run(batch=100))
    assert small["image"].equals(large["image"])
    for column in ("mood", "units", "years", "place"):
        assert small[column].is_null().equals(large[column].is_null())
        one, two = (np.stack(table[column].drop_nulls()) for table in (small, large))
        np.testing.assert_allclose(one, two, atol=1e-3)


def test_progress_counts_images(make_network, heads, store, wanted: pl.DataFrame, tmp_path: Path):
    done: list[int] = []
    how = Inference(views=VIEWS, batch=8, together=1, bf16=False, compile=False, device="cpu")
    options = {"how": how, "shard": 5, "provenance": {}, "progress": done.append}
    folder = tmp_path / "predictions"
    folder.mkdir()
    predict_shards(make_network(), heads, store, wanted, folder, **options)
    assert done == [5, 8]


def test_an_image_that_the_store_lacks_is_named(run: Callable, wanted: pl.DataFrame):
    with pytest.raises(DistilleryError, match="lacks image 'stranger'"):
        run(rows=wanted.with_columns(image=pl.lit("stranger")))
