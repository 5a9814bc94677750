"""Reads every round's evaluation; writes ``data/promotion.json``: which round is the champion, and why.

Also ``data/target.json``, what each round is worth in the target domain: the few numbers by which DVC compares commits
and experiments, and the same as ``data/target.csv``, of which it draws the rounds as lines.
"""

from collections.abc import Mapping

import polars as pl

from distillery.files import file_hash
from distillery.metrics.names import WHOLE
from distillery.params import TEACHER, Params
from distillery.reporting import results
from distillery.reporting.promotion import Decision, Limits, champion_of, decide, in_plain
from tasks.support import paths
from tasks.support.closing import target_metrics
from tasks.support.command import run_stage
from tasks.support.evaluations import stack_tables
from tasks.support.written import write_csv, write_metrics

ROWS = {"round": pl.String, "metric": pl.String, "value": pl.Float64}


def write_promotion(params: Params) -> str:
    """Let every round challenge the champion before it; returns the champion's round."""
    decisions = decide_rounds(params)
    champion = champion_of(decisions, TEACHER)
    measured = {key: file_hash(paths.metrics(key)) for key in params.models}
    write_metrics(paths.PROMOTION, {"champion": champion, "rounds": dict(in_plain(decisions)), "evaluations": measured})
    _write_target({key: target_metrics(params, key) for key in params.models})
    for each in decisions:
        verdict = "takes the place of" if each.promoted else "does not take the place of"
        print(f"promotion: {each.round} {verdict} {each.against}")
        for clause in each.clauses:
            print(f"  {clause.answer}: {clause.name}: {clause.found}")
    print(f"promotion: the champion is {champion}")
    return champion


def _write_target(target: Mapping[str, Mapping[str, float]]) -> None:
    write_metrics(paths.TARGET, {"target": target})
    rows = [(key, metric, value) for key, values in target.items() for metric, value in values.items()]
    write_csv(paths.TARGET.with_suffix(".csv"), pl.DataFrame(rows, schema=ROWS, orient="row"))


def decide_rounds(params: Params) -> list[Decision]:
    """What becomes of each round by its evaluation."""
    rounds = params.models
    groups = stack_tables("test_groups", results.TEST_GROUPS, rounds)
    return decide(
        results.primary_scores(stack_tables("scores", results.SCORES, rounds), params.heads),
        stack_tables("draws", results.DRAWS, rounds),
        groups.filter(pl.col("by").is_in([WHOLE, *params.promotion.groups])),
        rounds,
        params.targets,
        Limits(**params.promotion.model_dump(exclude={"groups"})),
    )


def main(params: Params) -> None:
    write_promotion(params)


if __name__ == "__main__":
    run_stage(main)
