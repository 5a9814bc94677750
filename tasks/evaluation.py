"""Reads a round's model, the manifest, the images and its pseudo-labels; writes what they are worth.

``data/rounds/<round>/evaluation.json`` holds the metrics for DVC; ``evaluation/`` the tables: scores with intervals,
confusions, reliability, the audit of the pseudo-labels, the learning curve.
"""

import json
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from distillery.files import whole_file, whole_folder
from distillery.heads import Classification, Heads
from distillery.images.cells import Cells, labelled_cells
from distillery.images.store import ImageStore
from distillery.labelling.inference import predict_images
from distillery.labelling.views import View, check_views
from distillery.metrics import score
from distillery.metrics.audit import audit_kept
from distillery.metrics.bootstrap import bootstrap
from distillery.metrics.reliability import reliability
from distillery.networks.model import load_model
from distillery.params import TEACHER, Params
from distillery.tables import READABLE, read_table
from tasks.support import paths
from tasks.support.command import limit_threads, run_keyed_stage

WAYS = ("one_view", "ensemble")


class Evaluation:
    """The tables as they grow, one data set after another."""

    def __init__(self, heads: Heads, *, resamples: int, confidence: float, seed: int) -> None:
        self.heads = heads
        self._interval = {"resamples": resamples, "confidence": confidence, "seed": seed}
        self.scores: list[dict] = []
        self.confusion: list[dict] = []
        self.reliability: list[dict] = []
        self.audit: list[dict] = []

    def add_test(self, rows: pl.DataFrame, name: str, found: dict[str, Tensor], cells: Cells) -> None:
        """Score one head on one data set's test rows, by one view and by the ensemble."""
        head, place = self.heads[name], _place(rows)
        labels, present = cells.labels[name], cells.weights[name]
        for way in WAYS:
            values = found[way]
            low_high = bootstrap(
                lambda picked, values=values: score(head, values[picked], labels[picked], present[picked]),
                _units(rows),
                **self._interval,  # type: ignore[arg-type]
            )
            for metric, value in score(head, values, labels, present).items():
                low, high = low_high[metric]
                row = {**place, "head": name, "way": way, "metric": metric, "value": value, "low": low, "high": high}
                self.scores.append({**row, "images": _count(present)})
        if isinstance(head, Classification):
            values, truth = found["ensemble"], labels.argmax(dim=1)
            decided = values.argmax(dim=1)
            pairs = zip(truth.tolist(), decided.tolist(), strict=True)
            named = [{**place, "head": name, "actual": head.classes[a], "predicted": head.classes[p]} for a, p in pairs]
            self.confusion += named
            self.reliability += [{**place, "head": name, **row} for row in reliability(values, truth)]

    def add_audit(self, rows: pl.DataFrame, name: str, pseudo: pl.DataFrame, cells: Cells) -> None:
        """Measure one head's pseudo-labels on one data set's audit rows."""
        joined = rows.select("image").join(pseudo, on="image", how="left", maintain_order="left")
        head, labels, present = self.heads[name], cells.labels[name], cells.weights[name]
        values = torch.tensor(joined[f"{name}_soft"].to_list(), dtype=torch.float32)
        kept = torch.tensor(joined[f"{name}_weight"].to_list(), dtype=torch.float32)
        if kept.ndim > present.ndim:
            kept = kept.amin(dim=1)
        low_high = bootstrap(
            lambda picked: audit_kept(head, values[picked], kept[picked], labels[picked], present[picked]),
            _units(rows),
            **self._interval,  # type: ignore[arg-type]
        )
        for metric, value in audit_kept(head, values, kept, labels, present).items():
            low, high = low_high.get(metric, (value, value))
            self.audit.append(
                {**_place(rows), "head": name, "metric": metric, "value": value, "low": low, "high": high}
            )

    def metrics(self) -> dict:
        """Point values, nested for ``dvc metrics show``: way -> data set -> head -> metric."""
        nested: dict = {}
        for row in self.scores:
            nested.setdefault(row["way"], {}).setdefault(row["dataset"], {}).setdefault(row["head"], {})[
                row["metric"]
            ] = _rounded(row["value"])
        for row in self.audit:
            nested.setdefault("audit", {}).setdefault(row["dataset"], {}).setdefault(row["head"], {})[row["metric"]] = (
                _rounded(row["value"])
            )
        return nested


def write_evaluation(key: str, params: Params) -> Path:
    """Evaluate one round's model on every test split and its pseudo-labels on every audit split."""
    section = params.evaluation
    views = [View(view.kind, view.amount) for view in section.views]
    check_views(views, params.heads)
    network, _ = load_model(paths.model(key))
    network.to(device=params.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    manifest = read_table(paths.MANIFEST).filter(pl.col("status") == READABLE)
    store = ImageStore(paths.IMAGES)
    evaluation = Evaluation(params.heads, resamples=section.resamples, confidence=section.confidence, seed=params.seed)
    for rows, name in _labelled_parts(manifest, "test", params.heads):
        batches = predict_images(
            network,
            params.heads,
            store,
            rows["image"],
            views=views,
            batch=section.batch,
            bf16=section.bf16,
            device=params.device,
        )
        found = [batch[name] for batch in batches]
        by_way = {"one_view": torch.cat([f.single for f in found]), "ensemble": torch.cat([f.mean for f in found])}
        evaluation.add_test(rows, name, {way: v.cpu() for way, v in by_way.items()}, labelled_cells(rows, params.heads))
        print(f"{key}: evaluated {name} on {rows['dataset'][0]}, {len(rows):,} test images", flush=True)
    if key != TEACHER:
        pseudo = read_table(paths.pseudo_labels(key))
        for rows, name in _labelled_parts(manifest, "audit", params.heads):
            evaluation.add_audit(rows, name, pseudo, labelled_cells(rows, params.heads))
    return _write(key, evaluation)


def _labelled_parts(manifest: pl.DataFrame, split: str, heads: Heads) -> list[tuple[pl.DataFrame, str]]:
    """A split's distinct labelled images by data set and head."""
    rows = manifest.filter(pl.col("split") == split)
    parts = []
    for part in rows.partition_by("dataset", maintain_order=True):
        distinct = part.unique("image", keep="first", maintain_order=True)
        for name in heads:
            labelled = distinct.filter(pl.col(name).is_not_null())
            parts += [(labelled, name)] if len(labelled) else []
    return parts


def _write(key: str, evaluation: Evaluation) -> Path:
    with whole_folder(paths.evaluation(key)) as folder:
        for what in ("scores", "confusion", "reliability", "audit"):
            pl.DataFrame(getattr(evaluation, what)).write_csv(folder / f"{what}.csv")
        pl.read_parquet(paths.model(key) / "history.parquet").write_csv(folder / "history.csv")
    with whole_file(paths.metrics(key)) as temporary:
        temporary.write_text(json.dumps(evaluation.metrics(), indent=1, sort_keys=True) + "\n")
    return paths.evaluation(key)


def _place(rows: pl.DataFrame) -> dict[str, str]:
    return {"dataset": rows["dataset"][0], "domain": rows["domain"][0]}


def _units(rows: pl.DataFrame) -> list[str]:
    return rows.select(pl.coalesce("identity", "image")).to_series().to_list()


def _count(present: Tensor) -> int:
    return int((present.reshape(len(present), -1).amax(dim=1) > 0).sum())


def _rounded(value: float) -> float:
    return round(value, 5)


def main(params: Params, key: str) -> None:
    limit_threads(params.threads)
    write_evaluation(key, params)


if __name__ == "__main__":
    run_keyed_stage(main)
