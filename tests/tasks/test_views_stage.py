from pathlib import Path

import polars as pl
import pytest

from distillery.params import Params
from distillery.tables import manifest_schema, read_table, write_table
from tasks.support import paths
from tasks.views import in_words, main


def test_every_candidate_has_its_place_and_the_first_is_the_image_itself(world: Path, params: Params):
    before = paths.VIEWS.read_bytes()
    found = pl.read_csv(before)
    order = found.unique("views", keep="first", maintain_order=True)
    assert order["views"].to_list() == list(range(1, len(params.views.views) + 1))
    assert order["view"][0] == "identity"
    assert set(order["view"]) == {in_words(view) for view in params.views.views}
    assert set(found["head"]) == set(params.distilled)
    assert found.filter(pl.col("views") == 1)["relative"].to_list() == [1.0] * len(params.distilled)
    mean = found.group_by("views", maintain_order=True).agg(pl.col("relative").mean(), pl.col("mean_relative").first())
    assert mean["relative"].to_list() == pytest.approx(mean["mean_relative"].to_list())
    main(params)
    assert paths.VIEWS.read_bytes() == before


def test_only_the_validation_split_decides(world: Path, params: Params, capsys: pytest.CaptureFixture[str]):
    before, table = paths.VIEWS.read_bytes(), read_table(paths.MANIFEST)
    turned = pl.when(pl.col("split") != "val").then(pl.lit("male")).otherwise(pl.col("gender").cast(pl.String))
    write_table(table.with_columns(gender=turned).to_arrow(), manifest_schema(params.heads), paths.MANIFEST)
    main(params)
    assert paths.VIEWS.read_bytes() == before
    write_table(table.filter(pl.col("split") != "val").to_arrow(), manifest_schema(params.heads), paths.MANIFEST)
    main(params)
    assert "views: no image in the split val" in capsys.readouterr().out
    assert pl.read_csv(paths.VIEWS).is_empty()
