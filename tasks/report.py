"""Reads every round's evaluation, pseudo-labels and model card, and the promotion; writes ``data/report/index.html``.

In seconds. The page holds all that it shows and opens without a network; the same artefacts give the same bytes.
"""

import json
from collections import Counter
from functools import partial
from itertools import groupby
from pathlib import Path

import polars as pl

from distillery.files import whole_folder
from distillery.heads import Classification, Head, Regression
from distillery.images.store import ImageStore
from distillery.networks.model import load_card
from distillery.params import Params
from distillery.params.selection import in_words
from distillery.reporting import results
from distillery.reporting.calibration import describe_calibration
from distillery.reporting.curves import describe_learning
from distillery.reporting.decisions import describe_decisions
from distillery.reporting.gallery import Gallery, show_pseudo_labels, sure_cells
from distillery.reporting.headline import compare_rounds, mean_comparison
from distillery.reporting.page import render_page
from distillery.reporting.provenance import count_splits, count_twins, list_hashes
from distillery.reporting.side_by_side import measure_datasets
from distillery.reporting.views import describe_views
from distillery.reporting.yields import Labelled, describe_pseudo_labels, list_groups
from distillery.tables import POOL, READABLE, SPLITS, ledger_schema, read_parts, read_table
from tasks.support import paths
from tasks.support.closing import PAGE, print_closing_table
from tasks.support.command import run_stage
from tasks.support.evaluations import read_tables, stack_tables

USABLE = (pl.col("status") == READABLE) & pl.col("split").is_in(POOL)


def write_report(folder: Path, params: Params) -> Path:
    """Write the page into a folder of its own; returns the page's path.

    Raises:
        DistilleryError: an artefact is missing or damaged.
    """
    page = render_page(**_settings(params), **_results(params), **_pool(params), **_origin(params))
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


def _pool(params: Params) -> dict[str, object]:
    """What the rounds made of the images without labels."""
    if not params.rounds:
        return {"labelled": [], "audited": False, "groups": [], "calibrated": [], "galleries": []}
    rows = read_table(paths.MANIFEST, ["image", "split", "status", *params.distilled], only=USABLE)
    known = {f"known_{name}": (pl.col("split") == "audit") & pl.col(name).is_not_null() for name in params.distilled}
    pool = rows.unique("image", keep="first", maintain_order=True).select("image", **known)
    labelled = _labelled(pool["image"], params)
    calibration = [paths.calibration(params.models[-1]) / f"{what}.csv" for what in ("errors", "reliability")]
    return {
        "labelled": labelled,
        "audited": any(head.audits for head in labelled),
        "groups": list_groups(stack_tables("groups", results.GROUPS, params.models[-1:]), params.models[-1]),
        "calibrated": describe_calibration(*(pl.read_csv(path.read_bytes()) for path in calibration)),
        "galleries": [_gallery(pool, name, head, params) for name, head in params.distilled.items()],
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


def _labelled(pool: pl.Series, params: Params) -> list[Labelled]:
    needed = ["image", *(f"{name}_weight" for name in params.distilled)]
    pseudo = {key: read_parts(paths.pseudo_labels(key), needed) for key in params.rounds}
    rules = {name: in_words(each.rules) for name, each in params.pseudo_labels.heads.items()}
    audit = stack_tables("audit", results.AUDIT, list(params.rounds))
    return describe_pseudo_labels(pseudo, pool, audit, params.distilled, rules)


def _gallery(pool: pl.DataFrame, name: str, head: Head, params: Params) -> Gallery:
    """Faces of the last round's pool."""
    last, store = params.models[-1], ImageStore(paths.IMAGES)
    parts = read_parts(paths.pseudo_labels(last), ["image", f"{name}_weight", f"{name}_confidence"])
    cells = sure_cells(parts, pool.select("image", known=f"known_{name}"), name, head)
    return show_pseudo_labels(
        cells,
        name,
        head,
        partial(_details, name, head, last),
        lambda images: store.gather(store.positions(images)).numpy(),
        count=params.report.gallery,
    )


def _details(name: str, head: Head, key: str, images: pl.Series) -> pl.DataFrame:
    """What the caption of a face tells; the truth is that of the audit rows."""
    wanted = pl.col("image").is_in(images.implode())
    views = "std" if isinstance(head, Regression) else "agreement"
    told = {what: f"{name}_{what}" for what in ("soft", "hard", "weight", "confidence")}
    pseudo = read_table(paths.pseudo_labels(key), ["image", *told.values()], only=wanted).select("image", **told)
    seen = read_table(paths.predictions(key), ["image", f"{name}_{views}"], only=wanted)
    rows = read_table(paths.MANIFEST, ["image", "split", "status", name], only=wanted & USABLE)
    cell = pl.col(name).cast(pl.String) if isinstance(head, Classification) else pl.col(name)
    truth = rows.unique("image", keep="first", maintain_order=True).select(
        "image", truth=pl.when(pl.col("split") == "audit").then(cell)
    )
    return pseudo.join(seen.rename({f"{name}_{views}": views}), on="image").join(truth, on="image")


def main(params: Params) -> None:
    write_report(paths.REPORT, params)
    print_closing_table(params)


if __name__ == "__main__":
    run_stage(main)
