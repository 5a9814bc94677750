from pathlib import Path

import polars as pl
import pytest

from distillery.errors import DistilleryError
from distillery.params import Params
from distillery.tables import read_table
from tasks import predictions, pseudo_labels
from tasks.support.command import read_params
from tests.world import edit_params

FOLDER = Path("data/rounds/r1/predictions")


def test_only_empty_cells_are_predicted(world: Path, params: Params):
    table = read_table(Path("data/manifest.parquet"))
    found = read_table(FOLDER)
    studio = table.filter((table["dataset"] == "studio") & (table["split"] == "train"))["image"]
    rows = found.filter(found["image"].is_in(studio.to_list()))
    assert rows["gender"].null_count() == len(rows) > 0
    assert rows["expression"].null_count() == 0
    assert set(found["views"]) == {len(params.predictions.views)}


def test_finished_shards_are_kept_and_lost_ones_made_again_with_the_same_bytes(world: Path, params: Params):
    shards = sorted(FOLDER.glob("*.parquet"))
    assert len(shards) > 2
    before = {shard: (shard.read_bytes(), shard.stat().st_mtime_ns) for shard in shards}
    unfinished = Path(".checkpoints/rounds-r1-predictions")
    unfinished.parent.mkdir(exist_ok=True)
    FOLDER.rename(unfinished)
    (unfinished / shards[1].name).unlink()
    (unfinished / shards[2].name).write_bytes(before[shards[2]][0][:100])
    predictions.main(params, "r1")
    assert {shard: shard.read_bytes() for shard in shards} == {shard: pair[0] for shard, pair in before.items()}
    assert shards[0].stat().st_mtime_ns == before[shards[0]][1]


def test_a_view_that_a_head_forbids_is_refused_before_anything_runs(world: Path):
    def forbid(params: dict) -> None:
        params["heads"]["gender"]["forbids"] = ["rotation"]
        for section in ("teacher", "student"):
            params[section]["augmentation"]["rotation"] = 0
        params["views"]["views"] = [view for view in params["views"]["views"] if view["kind"] != "rotation"]

    edit_params(world, forbid)
    with pytest.raises(DistilleryError, match=r"predictions.views uses \['rotation'\], which heads.gender.forbids"):
        read_params()


def test_a_teacher_of_other_heads_is_refused(world: Path):
    edit_params(world, lambda params: params["heads"]["age"].update(bins=11))
    with pytest.raises(DistilleryError, match=r"models/r0/card\.json: other heads than"):
        predictions.main(read_params(), "r1")


def test_views_are_saved_where_they_change_nothing_and_selection_takes_what_comes(world: Path, capfd):
    full = pseudo_labels_of(world)

    def save(params: dict) -> None:
        around = {"gender": 0.5, "age": 50, "affect": 50}
        params["predictions"] |= {"statistics": "training", "ensemble": {"same": 0.995, "pilot": 60, "around": around}}

    edit_params(world, save)
    predictions.main(read_params(), "r1")
    views = read_table(FOLDER)["views"]
    assert 2 <= views.min() < views.max() <= len(read_params().predictions.views)
    assert "of 6 views an image" in capfd.readouterr().out
    pseudo_labels.main(read_params(), "r1")
    saved = pseudo_labels_of(world)
    assert saved["image"].equals(full["image"])
    assert (saved["gender_hard"].cast(str) == full["gender_hard"].cast(str)).mean() > 0.8


def pseudo_labels_of(world: Path) -> pl.DataFrame:
    return read_table(world / "data/rounds/r1/pseudo_labels.parquet")


def test_each_domain_may_be_seen_by_its_own_statistics(world: Path):
    before = read_table(FOLDER)
    edit_params(world, lambda params: params["predictions"].update(statistics="training"))
    predictions.main(read_params(), "r1")
    after = read_table(FOLDER)
    assert after["image"].equals(before["image"])
    assert not after["gender"].equals(before["gender"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"views": [{"kind": "identity"}, {"kind": "flip"}]}, "ensemble saves views of 3 or more, and there are 2"),
        ({}, r"pseudo_labels\.heads\.gender\.rules\.0 asks how far views lie apart.*allowed with it: .*ensemble full"),
    ],
)
def test_what_cannot_be_saved_is_refused(world: Path, change: dict, message: str):
    def save(params: dict) -> None:
        params["predictions"] |= {"ensemble": {"same": 0.9, "pilot": 60, "around": {"age": 50, "affect": 50}}} | change
        rule = {"kind": "uncertainty", "least": 0.6, "spread": 0.1, "balanced": False, "negative": None}
        params["pseudo_labels"]["heads"]["gender"]["rules"] = [rule]

    edit_params(world, save)
    with pytest.raises(DistilleryError, match=message):
        read_params()
