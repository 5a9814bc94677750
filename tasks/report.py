"""Reads every round's evaluation, pseudo-labels and model card; writes ``data/report/index.html``. Seconds.

The page holds all that it shows and opens without a network; the same artefacts give the same bytes.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from distillery.files import whole_folder
from distillery.images.store import ImageStore
from distillery.networks.model import load_card
from distillery.params import TEACHER, Params
from distillery.reporting import results
from distillery.reporting.axes import number
from distillery.reporting.curves import describe_learning
from distillery.reporting.decisions import describe_decisions
from distillery.reporting.gallery import Gallery, join_cells, show_pseudo_labels
from distillery.reporting.headline import compare_rounds, mean_comparison, signed
from distillery.reporting.page import render_page, words
from distillery.reporting.provenance import count_splits, list_hashes
from distillery.reporting.side_by_side import measure_datasets
from distillery.reporting.yields import Labelled, describe_pseudo_labels
from distillery.tables import SPLITS, read_table
from tasks.support import paths
from tasks.support.command import run_stage

POOL = ("unlabelled", "audit")
PAGE = "index.html"


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
    rounds, section = _rounds(params), params.evaluation
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
    rounds, heads, targets = _rounds(params), params.heads, _targets(params)
    ends = list(dict.fromkeys((rounds[0], rounds[-1])))
    scores = _stack("scores", results.SCORES, rounds)
    confusion, bins = _stack("confusion", results.CONFUSION, ends), _stack("reliability", results.RELIABILITY, ends)
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
        "learning": describe_learning(_read("history", rounds), heads),
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
    cards = {key: load_card(paths.model(key)).provenance for key in _rounds(params)}
    return {"splits": SPLITS, "counts": count_splits(manifest), "hashes": list_hashes(cards)}


def _rounds(params: Params) -> list[str]:
    """The map names the rounds, never the folder: removed rounds leave files behind."""
    return [TEACHER, *params.rounds]


def _targets(params: Params) -> list[str]:
    """Data sets that nothing was learnt from with labels."""
    sets = params.manifest.datasets.items()
    return [key for key, dataset in sets if not any("train" in shares for shares in dataset.splits.values())]


def _read(what: str, rounds: list[str]) -> dict[str, pl.DataFrame]:
    # A table that holds no row has no header either.
    return {key: pl.read_csv(paths.evaluation(key) / f"{what}.csv", raise_if_empty=False) for key in rounds}


def _stack(what: str, schema: pl.Schema, rounds: list[str]) -> pl.DataFrame:
    return results.stack_rounds(_read(what, rounds), schema)


def _labelled(pool: pl.DataFrame, params: Params) -> list[Labelled]:
    pseudo = {key: read_table(paths.pseudo_labels(key)) for key in params.rounds}
    thresholds = {name: selection.threshold for name, selection in params.pseudo_labels.heads.items()}
    audit = _stack("audit", results.AUDIT, list(params.rounds))
    return describe_pseudo_labels(pseudo, pool["image"], audit, params.heads, thresholds)


def _galleries(pool: pl.DataFrame, params: Params) -> list[Gallery]:
    """Faces of the last round's pool."""
    last = _rounds(params)[-1]
    pseudo, predictions = read_table(paths.pseudo_labels(last)), read_table(paths.predictions(last))
    store = ImageStore(paths.IMAGES)
    cells = {name: join_cells(pseudo, predictions, pool, name, head) for name, head in params.heads.items()}

    def pixels(images: Sequence[str]) -> np.ndarray:
        return store.gather(store.positions(images)).numpy()

    return show_pseudo_labels(cells, params.heads, pixels, count=params.report.gallery)


def closing_table(params: Params) -> Table:
    """The target's heads by rounds: the ensemble's primary metric, and the last round's change on the teacher."""
    rounds = _rounds(params)
    scores = _stack("scores", results.SCORES, rounds)
    scores = scores.filter(pl.col("dataset").is_in(_targets(params)))
    by_round = [compare_rounds(scores, params.heads, first=TEACHER, last=key) for key in rounds]
    table = Table(
        "data set",
        "head",
        "metric",
        *rounds,
        "change",
        title=params.report.title,
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for row in zip(*by_round, strict=True):
        end = row[-1]
        style = {"better": "green", "worse": "red", "same": ""}[end.verdict]
        table.add_row(
            end.dataset,
            end.head,
            words(end.metric),
            *[number(one.after) for one in row],
            signed(end.change),
            style=style,
        )
    return table


def main(params: Params) -> None:
    page = write_report(paths.REPORT, params)
    Console().print(closing_table(params))
    print(f"report: {page}")


if __name__ == "__main__":
    run_stage(main)
