"""The tables of an evaluation as they grow: scores with intervals, confusions, reliability, the audit."""

import math

import polars as pl
import torch
from torch import Tensor

from distillery.heads import AnyHeads, Classification, Compound, Identification
from distillery.images.cells import Cells
from distillery.metrics import score
from distillery.metrics.audit import audit_kept
from distillery.metrics.bootstrap import bootstrap
from distillery.metrics.reliability import reliability

WAYS = ("one_view", "ensemble")


class Scores:
    """Rows by table, one data set and head after another."""

    def __init__(self, heads: AnyHeads, *, resamples: int, confidence: float, seed: int) -> None:
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
        assert not isinstance(head, Identification | Compound)
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
        for row in [*self.scores, *({**row, "way": "audit"} for row in self.audit)]:
            by_head = nested.setdefault(row["way"], {}).setdefault(row["dataset"], {})
            by_head.setdefault(row["head"], {})[row["metric"]] = _rounded(row["value"])
        return nested


def _place(rows: pl.DataFrame) -> dict[str, str]:
    return {"dataset": rows["dataset"][0], "domain": rows["domain"][0]}


def _units(rows: pl.DataFrame) -> list[str]:
    return rows.select(pl.coalesce("identity", "image")).to_series().to_list()


def _count(present: Tensor) -> int:
    return int((present.reshape(len(present), -1).amax(dim=1) > 0).sum())


def _rounded(value: float) -> float | None:
    """For JSON, which has no word for what is undefined (a precision where nothing was kept) but null."""
    return None if math.isnan(value) else round(value, 5)
