"""Reads a round's model, the manifest, the images and its pseudo-labels; writes what they are worth.

``data/rounds/<round>/evaluation.json`` holds the metrics for DVC; ``evaluation/`` the tables: scores with intervals,
the draws that these are made of, confusions, reliability, the audit of the pseudo-labels, the learning curve.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.heads import AnyHeads, Classification, Compound, Identification
from distillery.images.cells import labelled_cells
from distillery.images.pairs import read_pairs
from distillery.images.store import ImageStore
from distillery.labelling.compounds import score_compounds
from distillery.labelling.predictor import Predictor
from distillery.labelling.views import check_views
from distillery.networks.card import WEIGHTS
from distillery.networks.model import load_model
from distillery.params import TEACHER, Params
from distillery.tables import READABLE, people, read_table
from tasks.support import paths
from tasks.support.answers import answer
from tasks.support.command import run_keyed_stage
from tasks.support.inference import inference
from tasks.support.machine import describe_machine, prepare_machine
from tasks.support.provenance import stage_code
from tasks.support.resuming import resumable_parts
from tasks.support.scores import WAYS, Scores
from tasks.support.written import write_csv, write_metrics


def write_evaluation(key: str, params: Params) -> Path:
    """Evaluate one round's model on every test split and its pseudo-labels on every audit split."""
    section = params.evaluation
    network, _ = load_model(paths.model(key))
    how = inference(section, params.device, network)
    check_views(how.views, params.learnt)
    measured = (pl.col("status") == READABLE) & pl.col("split").is_in(("test", "audit"))
    manifest = read_table(paths.MANIFEST, only=measured)
    store = ImageStore(paths.IMAGES)
    predictor = Predictor(network, params.learnt, store, how)
    facts = {
        "model": file_hash(paths.model(key) / WEIGHTS),
        "images": store.content_hash(),
        "code": stage_code("teacher_evaluation" if key == TEACHER else "evaluation"),
        **describe_machine(params, how.bf16),
        **asdict(how),
    }
    scores = Scores(params.heads, resamples=section.resamples, confidence=section.confidence, seed=params.seed)
    with resumable_parts(f"{key}-evaluation") as folder:
        for rows in _by_dataset(manifest, "test", params.heads):
            dataset = rows["dataset"][0]
            answers = answer(predictor, rows["image"], folder / dataset, facts, f"{key}: {dataset}, test images")
            everyone = people(rows)
            for name, part, where in _by_head(rows, params.heads):
                found = {way: _values(params.heads, name, answers, way)[where] for way in WAYS}
                scores.add_test(part, name, found, labelled_cells(part, params.heads), everyone)
                _add_pairs(scores, part, name, found, params)
                print(f"{key}: evaluated {name} on {dataset}, {len(part):,} test images", flush=True)
    if key != TEACHER:
        needed = [f"{name}_{what}" for name in params.distilled for what in ("soft", "weight")]
        needed += [f"{name}_negative" for name, head in params.distilled.items() if isinstance(head, Classification)]
        audited = manifest.filter(pl.col("split") == "audit")["image"]
        pseudo = read_table(paths.pseudo_labels(key), ["image", *needed], only=pl.col("image").is_in(audited.implode()))
        for rows in _by_dataset(manifest, "audit", params.heads):
            for name, part, _ in _by_head(rows, params.distilled):
                scores.add_audit(part, name, pseudo, labelled_cells(part, params.heads))
    return _write(key, scores)


def _add_pairs(scores: Scores, rows: pl.DataFrame, name: str, found: dict[str, Tensor], params: Params) -> None:
    """Verify an identification head by its data set's own list of pairs, if it has one."""
    dataset = rows["dataset"][0]
    listed = params.manifest.datasets[dataset].pairs
    if listed is None or not isinstance(params.heads[name], Identification):
        return
    pairs = read_pairs(Path(listed))
    kept = scores.add_pairs(rows, name, found, pairs)
    if not kept:
        raise DistilleryError(
            f"{listed}: too few of its {len(pairs):,} pairs are of two test images of '{dataset}'; "
            "wanted are true and false ones in two folds at least"
        )
    print(f"{dataset}: {kept:,} of {len(pairs):,} pairs are of test images", flush=True)


def _by_dataset(manifest: pl.DataFrame, split: str, heads: AnyHeads) -> list[pl.DataFrame]:
    """A split's distinct labelled images, data set by data set."""
    labelled = pl.any_horizontal(pl.col(name).is_not_null() for name in heads)
    rows = manifest.filter((pl.col("split") == split) & labelled)
    parts = rows.partition_by("dataset", maintain_order=True) if len(rows) else []
    return [part.unique("image", keep="first", maintain_order=True) for part in parts]


def _by_head(rows: pl.DataFrame, heads: AnyHeads) -> Iterator[tuple[str, pl.DataFrame, Tensor]]:
    """Of some images those that label a head, and where they stand, int64 [labelled]."""
    for name in heads:
        where = rows[name].is_not_null().arg_true()
        if len(where):
            yield name, rows[where], torch.from_numpy(where.to_numpy().astype(np.int64))


def _values(heads: AnyHeads, name: str, answers: Mapping[str, Tensor], way: str) -> Tensor:
    """A head's values, float [images, names]: what the network said of it, or what follows for a compound."""
    head = heads[name]
    if isinstance(head, Compound):
        needed = filter(None, (head.expression, head.action_units, head.valence))
        return score_compounds(head, heads, {other: answers[f"{other}.{way}"] for other in needed})
    return answers[f"{name}.{way}"]


def _write(key: str, scores: Scores) -> Path:
    history = read_table(paths.model(key) / "history.parquet")
    sums = [_sum_over_heads(what) for what in ("train_loss", "val_loss")]
    for what, table in {**scores.tables(), "history": history.with_columns(sums)}.items():
        write_csv(paths.evaluation(key) / f"{what}.csv", table)
    write_metrics(paths.metrics(key), scores.metrics())
    return paths.evaluation(key)


def _sum_over_heads(what: str) -> pl.Expr:
    """Of those that have a number: no validation image may label a head."""
    by_head = pl.col(f"^{what}/.*$").fill_nan(None)
    known = pl.any_horizontal(by_head.is_not_null())
    return pl.when(known).then(pl.sum_horizontal(by_head)).otherwise(math.nan).alias(what)


def main(params: Params, key: str) -> None:
    prepare_machine(params)
    write_evaluation(key, params)


if __name__ == "__main__":
    run_keyed_stage(main)
