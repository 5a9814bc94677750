import json
import re
from pathlib import Path

import polars as pl
import pytest
import vl_convert
from mlflow import MlflowClient

from distillery.files import file_hash
from distillery.params import Params
from tasks.promotion import main, write_promotion
from tasks.support import paths
from tests.world import call, commit_all, edit_params

CLAUSES = {"the mean over heads rises", "no head falls", "no group falls behind"}


def _lenient(params: Params, **changes: float) -> Params:
    """Only the mean counts; of what is expected of it the bound is a hundred points."""
    section = {"fall": 1.0, "gap": 1.0, **changes}
    return params.model_copy(update={"promotion": params.promotion.model_copy(update=section)})


def _raise_the_student(by: float) -> None:
    """In every draw: of the few people here most draws lack a class, and half of them would leave no interval."""
    for what in ("scores", "draws"):
        teacher = pl.read_csv(paths.evaluation("r0") / f"{what}.csv").with_columns(pl.col("value").fill_nan(0.5))
        teacher.write_csv(paths.evaluation("r0") / f"{what}.csv")
        teacher.with_columns(pl.col("value") + by).write_csv(paths.evaluation("r1") / f"{what}.csv")


def test_it_names_a_champion_every_clause_and_what_was_found(world: Path, params: Params):
    before = paths.PROMOTION.read_bytes()
    found = json.loads(before)
    assert found["champion"] in ("r0", "r1")
    assert set(found["rounds"]) == {"r1"}
    one = found["rounds"]["r1"]
    assert one["against"] == "r0"
    assert set(one["clauses"]) == CLAUSES
    assert one["promoted"] == all(clause["holds"] for clause in one["clauses"].values())
    assert (found["champion"] == "r1") == one["promoted"]
    write_promotion(params)
    assert paths.PROMOTION.read_bytes() == before


@pytest.mark.parametrize(("rise", "champion"), [(0.1, "r1"), (-0.1, "r0")])
def test_a_student_whose_draws_all_rise_is_promoted_and_one_whose_fall_is_not(
    world: Path, params: Params, capsys: pytest.CaptureFixture[str], rise: float, champion: str
):
    _raise_the_student(rise)
    main(_lenient(params))
    printed = capsys.readouterr().out
    assert f"promotion: the champion is {champion}" in printed
    assert ("r1 takes the place of r0" in printed) == (champion == "r1")
    answer = "yes" if champion == "r1" else "no"
    assert f"  {answer}: the mean over heads rises: {rise:+.3f} ({rise:+.3f} to {rise:+.3f}) on print" in printed


def test_mlflow_has_a_version_for_each_round_and_the_aliases_move_with_the_champion(world: Path, params: Params):
    aliases = []
    for rise in (-0.1, 0.1):  # and other params, of which no network follows
        edit_params(world, lambda found, rise=rise: found["promotion"].update(least=60 + int(10 * rise)))
        _raise_the_student(rise)
        write_promotion(_lenient(params))
        call(world, "tasks.support.tracking")
        client = MlflowClient(f"sqlite:///{world}/runs/mlflow.db")
        versions = {str(version.version): version for version in client.search_model_versions("name = 'distillery'")}
        assert sorted(version.tags["round"] for version in versions.values()) == ["r0", "r1"], "never double"
        named = client.get_registered_model("distillery").aliases
        aliases.append({alias: versions[str(number)].tags["round"] for alias, number in named.items()})
    assert aliases == [{"champion": "r0", "challenger": "r1"}, {"champion": "r1"}]
    student = next(version for version in versions.values() if version.tags["round"] == "r1")
    assert student.tags["teacher"] == "r0"
    assert student.tags["data"] == file_hash(paths.MANIFEST)
    assert student.tags["licence"] == "; ".join(f"{name}: CC0-1.0" for name in ("studio", "webcam", "print"))
    assert (student.tags["promoted"], student.tags["failed"]) == ("yes", "nothing")


def test_a_promotion_of_other_evaluations_gives_no_alias(world: Path, params: Params):
    found = json.loads(paths.PROMOTION.read_text())
    paths.PROMOTION.write_text(json.dumps(found | {"evaluations": {"r0": "others", "r1": "others"}}))
    call(world, "tasks.support.tracking")
    assert not MlflowClient(f"sqlite:///{world}/runs/mlflow.db").search_registered_models()


def test_the_page_and_dvc_tell_of_it(world: Path):
    page = (paths.REPORT / "index.html").read_text()
    champion = json.loads(paths.PROMOTION.read_text())["champion"]
    assert f"The champion is {champion}" in page
    assert all(clause in page for clause in CLAUSES)
    assert f"target.{champion}.mean" in call(world, "dvc", "metrics", "show")


def test_dvc_compares_commits_by_what_each_round_is_worth_in_the_target_domain(world: Path, params: Params):
    commit_all(world)
    found = json.loads(paths.TARGET.read_text())
    assert set(found["target"]) == {"r0", "r1"}
    heads = [name for name in found["target"]["r1"] if name != "mean"]
    assert [name.split("/")[0] for name in heads] == sorted(params.learnt)
    found["target"]["r1"]["mean"] += 0.125
    paths.TARGET.write_text(json.dumps(found))
    output = call(world, "dvc", "metrics", "diff", "--targets", str(paths.TARGET))
    (line,) = [line for line in output.splitlines() if "target.r" in line]
    assert "target.r1.mean" in line and line.split()[-1] == "0.125"
    shown = call(world, "dvc", "exp", "show", "--drop", ".*", "--keep", "Experiment|target.*mean", "--no-pager")
    assert "workspace" in shown and "target.r1.mean" in shown
    assert "balanced_accuracy" not in shown


def test_dvc_draws_the_rounds_as_lines_over_those_of_a_commit(world: Path):
    commit_all(world)
    target = json.loads(paths.TARGET.read_text())["target"]
    table = paths.TARGET.with_suffix(".csv")
    drawn = pl.read_csv(table)
    flat = {(key, name): value for key, values in target.items() for name, value in values.items()}
    assert {row[:2]: round(row[2], 5) for row in drawn.rows()} == flat
    drawn.with_columns(pl.col("value") + 0.125).write_csv(table)
    call(world, "tasks.support.commands", "plots", "HEAD")
    page = (world / "dvc_plots/index.html").read_text()
    assert "what each round is worth in the target domain" in page
    assert '"rev": "HEAD"' in page and '"rev": "workspace"' in page
    assert "<script src" not in page
    specs = [json.JSONDecoder().raw_decode(page, found.end())[0] for found in re.finditer(r'= (?=\{"\$schema")', page)]
    plots = [vl_convert.vegalite_to_svg(json.dumps(spec)) for spec in specs]  # which raises where one is wrong
    confusions = [plot for plot in plots if "confusion of" in plot]
    panels = ("expression on print", "gender on print", "race on print")
    assert len(confusions) == 2 and all(panel in plot for plot in confusions for panel in panels), "heads apart"
    said = call(world, "tasks.support.commands", "plots", "no-such-commit", check=False)
    assert "error: dvc plots diff no-such-commit: unknown Git revision 'no-such-commit'" in said
    assert (world / "dvc_plots/index.html").read_text() == page, "what was there is still there"
