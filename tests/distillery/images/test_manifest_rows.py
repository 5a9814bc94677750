from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from distillery.errors import DistilleryError
from distillery.heads import Classification, Heads
from distillery.images.adapters import Sighting
from distillery.images.manifest import Source, assign_splits, label_rows, name_images
from distillery.tables import READABLE

HEADS: Heads = {"mood": Classification(kind="classification", classes=("calm", "glad"))}


def _source(name: str, shares: dict[str, float], spellings: dict | None = None) -> Source:
    return Source(name=name, domain="d", shares={"all": shares}, spellings=spellings or {})


Seen = tuple[str, str | None, str | None]


def _rows(source: Source, *rows: Seen, split: str = "all", status: str = READABLE) -> pa.Table:
    """Rows of (image, identity, mood)."""
    sightings = [
        Sighting(path=Path(f"{source.name}/{i}"), split=split, identity=who, labels={"mood": mood})
        for i, who, mood in rows
    ]
    listed = label_rows(source, sightings, HEADS).drop_columns("status")
    images = pa.array([image for image, _, _ in rows], pa.string())
    return listed.append_column("image", images).append_column("status", pa.array([status] * len(rows), pa.string()))


def _table(sources: list[Source], *rows: pa.Table, seed: int = 0) -> pl.DataFrame:
    found = assign_splits(pa.concat_tables(rows).unify_dictionaries(), sources, HEADS, seed)
    return pl.DataFrame(found).with_columns(pl.col("split", "mood").cast(pl.String))


def test_bad_labels_stop_and_name_the_first_files():
    with pytest.raises(DistilleryError, match=r"data set 'a': 7 labels do not fit") as caught:
        _rows(_source("a", {"train": 1}), *[(f"x{i}", None, "angry") for i in range(7)], ("y", None, "calm"))
    lines = str(caught.value).splitlines()
    assert lines[1] == "  a/x0: head 'mood': unknown class 'angry'; allowed: ['calm', 'glad'], or map it in 'rename'"
    assert len(lines) == 6


def test_spellings_are_mapped_for_their_own_head():
    source = _source("a", {"train": 1}, {"mood": {"happy": "glad", "unsure": None}})
    assert _rows(source, ("x", None, "happy"), ("y", None, "unsure"))["mood"].to_pylist() == ["glad", None]


def test_the_same_name_in_two_data_sets_is_two_people():
    first, second = _source("a", {"train": 1}), _source("b", {"test": 1})
    table = _table([first, second], _rows(first, ("x", "tom", None)), _rows(second, ("y", "tom", None)))
    assert table["split"].to_list() == ["train", "test"]
    assert table["identity"].to_list() == ["a/tom", "b/tom"]


@pytest.mark.parametrize("nobody", [None, ""])
def test_rows_without_an_identity_are_nobody_and_not_one_person(nobody: str | None):
    source = _source("a", {"train": 0.5, "test": 0.5})
    table = _table([source], _rows(source, *[(f"x{i}", nobody, None) for i in range(40)]))
    assert set(table["split"]) == {"train", "test"}
    assert set(table["status"]) == {"ok"}
    assert table["identity"].null_count() == 40


def test_exact_duplicates_share_the_most_protected_split_and_say_so():
    train, test, pool = _source("a", {"train": 1}), _source("b", {"test": 1}), _source("c", {"unlabelled": 1})
    rows = _rows(train, ("x", None, "calm"), ("y", None, "glad"), ("z", None, "calm"))
    others = _rows(test, ("x", None, "glad")), _rows(pool, ("y", None, None), ("u", None, None))
    table = _table([train, test, pool], rows, *others)
    assert table["split"].to_list() == ["test", "train", "train", "test", "train", "unlabelled"]
    aside = "set aside: shares pixels or identity with "
    assert table["status"].to_list() == [aside + "test", "ok", "ok", "ok", aside + "train", "ok"]


def test_an_unreadable_row_keeps_its_reason_when_its_group_moves():
    train, test = _source("a", {"train": 1}), _source("b", {"test": 1})
    rows = _rows(train, ("x", None, None), status="damaged"), _rows(test, ("x", None, None))
    assert _table([train, test], *rows)["status"].to_list() == ["damaged", "ok"]


def test_labels_of_unlabelled_rows_are_dropped_and_of_audit_rows_kept():
    pool, audit = _source("a", {"unlabelled": 1}), _source("b", {"audit": 1})
    table = _table([pool, audit], _rows(pool, ("x", None, "calm")), _rows(audit, ("y", None, "calm")))
    assert table["mood"].to_list() == [None, "calm"]


@pytest.mark.parametrize("seed", range(6))
def test_no_identity_and_no_image_is_ever_cut_across_splits(seed: int):
    rng = np.random.default_rng(seed)
    names = ("train", "val", "test", "unlabelled", "audit")
    sources, rows = [], []
    for number in range(3):
        shares = dict(zip(names, rng.dirichlet(np.ones(5)).tolist(), strict=True))
        sources.append(_source(f"s{number}", shares))
        drawn = [(f"x{rng.integers(90)}", None if rng.random() < 0.3 else f"p{rng.integers(25)}") for _ in range(40)]
        rows.append(_rows(sources[-1], *[(image, who, "calm") for image, who in drawn]))
    table = _table(sources, *rows, seed=seed)
    assert table["split"].n_unique() > 1
    assert table.group_by("image").agg(pl.col("split").n_unique())["split"].max() == 1
    people = table.filter(pl.col("identity").is_not_null())
    assert people.group_by("identity").agg(pl.col("split").n_unique())["split"].max() == 1


def test_a_split_that_the_parameters_do_not_name_is_refused():
    source = _source("a", {"train": 1})
    rows = _rows(source, ("x", None, None), split="extra")
    with pytest.raises(DistilleryError, match=r"'a' has a split 'extra' \(a/x\).*names only \['all'\]"):
        _table([source], rows)


def test_images_are_named_in_order_with_a_status_each(tmp_path: Path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "good.png")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "same.bmp")
    (tmp_path / "bad.png").write_bytes(b"")
    files: list[tuple[str, str | None]] = [
        (str(tmp_path / name), None) for name in ("good.png", "bad.png", "same.bmp", "gone.png")
    ]
    files.append((str(tmp_path / "good.png"), "name is odd"))
    with ThreadPoolExecutor(2) as pool:
        found = name_images(files, min_side=4, max_pixels=100, pool=pool)
    assert [status for _, status in found] == ["ok", "empty file", "ok", "missing file", "name is odd"]
    assert found[0][0] == found[2][0]
    assert len({name for name, _ in found}) == 4
