"""What-if against the stage itself: what is chosen now has to come out as it was written and audited."""

import math
from pathlib import Path

import polars as pl
import pytest

from distillery.errors import DistilleryError
from distillery.params import Params
from distillery.tables import read_table
from tasks.support.what_if import compare, print_comparison
from tests.world import call

PRECISION = ("gender", "race", "expression", "action_units")


def test_what_is_chosen_now_is_kept_and_audited_as_the_stages_say(world: Path, params: Params):
    rows = {str(row["head"]): row for row in compare("r1", params) if row["now"]}
    assert list(rows) == list(params.distilled)
    table = read_table(Path("data/rounds/r1/pseudo_labels.parquet"))
    audit = pl.read_csv("data/rounds/r1/evaluation/audit.csv")
    for name, row in rows.items():
        weights = table[f"{name}_weight"].drop_nulls().to_numpy()
        kept = weights.min(axis=1) > 0 if name in ("age", "affect") else weights > 0
        assert row["kept"] == pytest.approx(kept.mean())
        metric = "precision" if name in PRECISION else "mae"
        wanted = audit.filter((pl.col("head") == name) & (pl.col("metric") == metric))["value"].item()
        found = math.nan if row["audited"] is None else row["audited"]  # nothing that was kept has a known truth
        assert found == pytest.approx(wanted, abs=1e-4, nan_ok=True)


def test_stricter_rules_keep_fewer(world: Path, params: Params):
    rows = [row for row in compare("r1", params) if row["head"] == "gender"]
    kept = [row["kept"] for row in rows if str(row["rules"]).startswith("threshold")]
    assert kept == sorted(kept, reverse=True)
    assert len({row["rules"] for row in rows}) == len(rows) > 15


def test_it_prints_a_line_for_each_and_marks_what_is_chosen(world: Path, params: Params, capsys):
    print_comparison("r1", params)
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("* ") for line in lines) == len(params.distilled) + 1
    assert any(line.startswith("* threshold (least 0.5)") for line in lines)


def test_an_unknown_round_is_named(world: Path, params: Params):
    with pytest.raises(DistilleryError, match=r"no round 'r9'; allowed: \['r1'\]"):
        list(compare("r9", params))


def test_the_command_answers_with_one_line(world: Path):
    output = call(world, "tasks.support.commands", "what-if", "r9", check=False)
    assert output == "error: no round 'r9'; allowed: ['r1']\n"
