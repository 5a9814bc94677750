"""Reads every round's evaluation, pseudo-labels and model card, and the promotion; writes ``data/report/index.html``.

In seconds. The page holds all that it shows and opens without a network; the same artefacts give the same bytes.
"""

import json
from collections import Counter
from itertools import groupby
from pathlib import Path

import polars as pl

from distillery.files import whole_folder
from distillery.networks.card import load_card
from distillery.params import Params
from distillery.reporting import results
from distillery.reporting.curves import describe_learning
from distillery.reporting.decisions import describe_decisions
from distillery.reporting.headline import compare_rounds, mean_comparison
from distillery.reporting.page import render_page
from distillery.reporting.provenance import count_splits, count_twins, list_hashes
from distillery.reporting.side_by_side import measure_datasets
from distillery.reporting.views import describe_views
from distillery.tables import SPLITS, ledger_schema, read_table
from tasks.support import paths
from tasks.support.closing import PAGE, print_closing_table
from tasks.support.command import run_stage
from tasks.support.evaluations import read_tables, stack_tables
from tasks.support.pool import describe_pool


def write_report(folder: Path, params: Params) -> Path:
    """Write the page into a folder of its own; returns the page's path.

    Raises:
        DistilleryError: an artefact is missing or damaged.
    """
    page = render_page(**_settings(params), **_results(params), **describe_pool(params), **_origin(params))
    with whole_folder(folder) as temporary:
        (temporary / PAGE).write_text(page, encoding="utf-8")
    return folder / PAGE


def _settings(params: Params) -> dict[str, object]:
    rounds, section = params.models, params.evaluation
    return {
        "title": params.report.title,
        "rendered": bool(params.faces.domains),
        "rounds": rounds,
        "first": rounds[0],
        "last": rounds[-1],
        "percent": f"{100 * section.confidence:g}",
        "resamples": section.resamples,
    }


def _results(params: Params) -> dict[str, object]:
    """What the test splits say, target data sets first."""
    rounds, heads, targets = params.models, params.heads, params.targets
    ends = list(dict.fromkeys((rounds[0], rounds[-1])))
    scores = stack_tables("scores", results.SCORES, rounds)
    confusion, bins = (
        stack_tables("confusion", results.CONFUSION, ends),
        stack_tables("reliability", results.RELIABILITY, ends),
    )
    compared = sorted(
        compare_rounds(scores, heads, first=ends[0], last=ends[-1]), key=lambda c: c.dataset not in targets
    )
    aimed = [one for one in compared if one.dataset in targets]
    decisions = describe_decisions(confusion, bins, heads, ends)
    return {
        "targets": targets,
        "headline": [(key, list(rows)) for key, rows in groupby(compared, key=lambda c: (c.dataset, c.domain))],
        "largest": max((abs(one.change) for one in compared), default=0.0),
        "mean": mean_comparison(aimed),
        "tally": Counter(one.verdict for one in aimed),
        "measured": sorted(measure_datasets(scores, heads, rounds), key=lambda part: part.dataset not in targets),
        "decisions": sorted(decisions, key=lambda found: found.dataset not in targets),
        "promotion": json.loads(paths.PROMOTION.read_text()),
        "learning": describe_learning(read_tables("history", rounds), params.learnt),
    }


def _origin(params: Params) -> dict[str, object]:
    manifest = read_table(paths.MANIFEST, ["image", "dataset", "domain", "split", "status"])
    ledger = read_table(paths.LEDGER, schema=ledger_schema())
    cards = {key: load_card(paths.model(key)).provenance for key in params.models}
    worth = describe_views(pl.read_csv(paths.VIEWS.read_bytes()))
    return {
        "views": worth,
        "splits": SPLITS,
        "counts": count_splits(manifest),
        "hashes": list_hashes(cards),
        **count_twins(ledger),
    }


def main(params: Params) -> None:
    write_report(paths.REPORT, params)
    print_closing_table(params)


if __name__ == "__main__":
    run_stage(main)
