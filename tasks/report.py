"""Reads every round's evaluation, pseudo-labels and model card; writes ``data/report/index.html``. Seconds.

The page holds all that it shows and opens without a network; the same artefacts give the same bytes.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from distillery.files import whole_folder
from distillery.heads import Regression
from distillery.images.store import ImageStore
from distillery.networks.model import load_card
from distillery.params import Params
from distillery.reporting import results
from distillery.reporting.curves import describe_learning
from distillery.reporting.decisions import describe_decisions
from distillery.reporting.gallery import Gallery, join_cells, show_pseudo_labels
from distillery.reporting.headline import compare_rounds, mean_comparison
from distillery.reporting.page import render_page
from distillery.reporting.provenance import count_splits, list_hashes
from distillery.reporting.side_by_side import measure_datasets
from distillery.reporting.yields import Labelled, describe_pseudo_labels
from distillery.tables import POOL, SPLITS, read_table
from tasks.support import paths
from tasks.support.closing import PAGE, print_closing_table, read_tables, stack_tables
from tasks.support.command import run_stage


def write_report(folder: Path, params: Params) -> Path:
    """Write the page into a folder of its own; returns the page's path.

    Raises:
        DistilleryError: an artefact is missing or damaged.
    """
    manifest = read_table(paths.MANIFEST)
    pool = manifest.filter(pl.col("split").cast(pl.String).is_in(POOL))
    page = render_page(**_settings(params), **_results(params), **_pool(pool, params), **_origin(manifest, params))
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
        "learning": describe_learning(read_tables("history", rounds), params.learnt),
    }


def _pool(pool: pl.DataFrame, params: Params) -> dict[str, object]:
    """What the rounds made of the images without labels."""
    labelled = _labelled(pool, params) if params.rounds else []
    return {
        "labelled": labelled,
        "audited": any(head.audits for head in labelled),
        "galleries": _galleries(pool, params) if params.rounds else [],
    }


def _origin(manifest: pl.DataFrame, params: Params) -> dict[str, object]:
    cards = {key: load_card(paths.model(key)).provenance for key in params.models}
    return {"splits": SPLITS, "counts": count_splits(manifest), "hashes": list_hashes(cards)}


def _labelled(pool: pl.DataFrame, params: Params) -> list[Labelled]:
    needed = ["image", *(f"{name}_weight" for name in params.distilled)]
    pseudo = {key: read_table(paths.pseudo_labels(key), needed) for key in params.rounds}
    thresholds = {name: selection.threshold for name, selection in params.pseudo_labels.heads.items()}
    audit = stack_tables("audit", results.AUDIT, list(params.rounds))
    return describe_pseudo_labels(pseudo, pool["image"], audit, params.distilled, thresholds)


def _galleries(pool: pl.DataFrame, params: Params) -> list[Gallery]:
    """Faces of the last round's pool."""
    last = params.models[-1]
    store = ImageStore(paths.IMAGES)

    def pixels(images: Sequence[str]) -> np.ndarray:
        return store.gather(store.positions(images)).numpy()

    galleries = []
    for name, head in params.distilled.items():
        # A head at a time: all columns of a large pool would not fit into memory.
        labels = [f"{name}_{what}" for what in ("soft", "hard", "weight", "confidence")]
        views = f"{name}_{'std' if isinstance(head, Regression) else 'agreement'}"
        pseudo = read_table(paths.pseudo_labels(last), ["image", *labels])
        cells = join_cells(pseudo, read_table(paths.predictions(last), ["image", views]), pool, name, head)
        galleries += show_pseudo_labels({name: cells}, params.distilled, pixels, count=params.report.gallery)
    return galleries


def main(params: Params) -> None:
    write_report(paths.REPORT, params)
    print_closing_table(params)


if __name__ == "__main__":
    run_stage(main)
