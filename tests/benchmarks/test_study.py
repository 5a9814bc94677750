from pathlib import Path

import polars as pl
import pytest
import yaml

from benchmarks.study.__main__ import keep, merge
from benchmarks.study.page import mean_scores, paired, write_page
from distillery.params import validate
from tests.world import ROOT

STUDY = yaml.safe_load((ROOT / "benchmarks/study/study.yaml").read_text())


@pytest.mark.parametrize("variant", STUDY["variants"])
def test_every_variant_is_a_sound_params_file(variant: str):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    merged = merge(merge(params, STUDY["base"]), STUDY["variants"][variant])
    found = validate(merged, variant)
    assert found.network.width == 0.5
    assert found.network.backbone == params["network"]["backbone"]


def test_every_claim_is_of_variants_that_are_trained():
    assert {name for pair in STUDY["claims"].values() for name in pair} <= set(STUDY["variants"])


def test_merging_leaves_the_given_parameters_as_they_are():
    given = {"a": {"b": 1, "c": [1]}, "d": 2}
    assert merge(given, {"a": {"b": 5}, "e": 3}) == {"a": {"b": 5, "c": [1]}, "d": 2, "e": 3}
    assert given == {"a": {"b": 1, "c": [1]}, "d": 2}


def _scores() -> pl.DataFrame:
    rows = []
    for variant, seed, value in (
        ("x", 0, 0.5),
        ("x", 1, 0.7),
        ("x", 2, 0.7),
        ("y", 0, 0.4),
        ("y", 1, 0.3),
        ("y", 2, 0.6),
        ("z", 0, 0.9),
    ):
        for head, metric in (("a", "f1_macro"), ("b", "ccc"), ("b", "mae")):
            for way in ("ensemble", "one_view"):
                row = {"dataset": "print", "head": head, "metric": metric, "way": way, "variant": variant, "seed": seed}
                rows.append({**row, "value": value + 0.1 * (head == "b") + 9 * (metric == "mae") + (way == "one_view")})
    return pl.DataFrame(rows)


def test_a_variant_that_is_run_again_takes_the_place_of_its_former_scores(tmp_path: Path):
    table, given = tmp_path / "study.csv", _scores()
    for variant, seed in (("x", 0), ("x", 1), ("y", 0), ("x", 0)):
        keep(given.filter((pl.col("variant") == variant) & (pl.col("seed") == seed)), table)
    found = pl.read_csv(table)
    wanted = given.filter(
        (pl.col("variant") == "x") & (pl.col("seed") < 2) | (pl.col("variant") == "y") & (pl.col("seed") == 0)
    )
    assert len(found) == len(wanted)
    assert found["variant"].unique(maintain_order=True).to_list() == ["x", "y"]


def test_means_are_over_heads_of_the_primary_metric_by_the_ensemble():
    assert mean_scores(_scores())["value"].to_list() == pytest.approx([0.55, 0.75, 0.75, 0.45, 0.35, 0.65, 0.95])


def test_only_seeds_of_both_are_compared():
    assert paired(mean_scores(_scores()), "x", "y").to_list() == pytest.approx([0.1, 0.4, 0.1])
    assert paired(mean_scores(_scores()), "z", "y").to_list() == pytest.approx([0.5])


def test_the_page_says_what_became_of_a_claim(tmp_path: Path):
    claims = {"x above y": ["x", "y"], "y above x": ["y", "x"], "z above x": ["z", "x"], "x above w": ["x", "w"]}
    write_page(_scores(), claims, tmp_path / "p.md")
    page = (tmp_path / "p.md").read_text()
    assert "| x | 3 |  | 0.683 ± 0.115 |  |" in page
    assert "| x above y | print (never labelled) | +0.200 ± 0.173 | 3 of 3 | holds |" in page
    assert "| y above x | print (never labelled) | -0.200 ± 0.173 | 0 of 3 | refuted |" in page
    assert "| z above x | print (never labelled) | +0.400 | 1 of 1 | too few seeds |" in page
    assert "x above w" not in page
