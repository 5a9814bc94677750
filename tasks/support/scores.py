"""The tables of an evaluation as they grow: scores with intervals and draws, confusions, reliability, the audit."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl
import torch
from torch import Tensor

from distillery.heads import AnyHead, AnyHeads, Classification, Compound, Identification, Regression
from distillery.images.cells import Cells
from distillery.images.pairs import Pair, image_of
from distillery.metrics.audit import audit_classes, audit_groups, audit_kept, audit_negative
from distillery.metrics.bootstrap import draw, interval
from distillery.metrics.identification import score_pairs
from distillery.metrics.names import PRIMARY, WHOLE, primary_metric
from distillery.metrics.reliability import reliability
from distillery.metrics.score import score
from distillery.tables import people

WAYS = ("one_view", "ensemble")
SMALL = ("scores", "draws", "test_groups", "reliability", "audit", "groups")
BANDS = 4  # of a number, by which people are grouped
Measure = Callable[..., dict[str, float]]


class Scores:
    """Rows by table, one data set and head after another."""

    def __init__(self, heads: AnyHeads, *, resamples: int, confidence: float, seed: int) -> None:
        self.heads = heads
        self._confidence, self._draw = confidence, partial(draw, resamples=resamples, seed=seed)
        self.scores: list[dict] = []
        self.draws: list[dict] = []
        self.test_groups: list[dict] = []
        self._confusion: list[pl.DataFrame] = []
        self.reliability: list[dict] = []
        self.audit: list[dict] = []
        self.groups: list[dict] = []

    def add_test(
        self, rows: pl.DataFrame, name: str, found: dict[str, Tensor], cells: Cells, everyone: Sequence[str]
    ) -> None:
        """Score one head on those of a data set's test rows that label it, drawing among ``everyone`` in it."""
        head, place = self.heads[name], _place(rows)
        labels, present = cells.labels[name], cells.weights[name]
        for way in WAYS:
            values = found[way]
            metrics = score(head, values, labels, present)
            draws = self._draw(partial(score, head, values, labels, present), people(rows), among=everyone)
            for metric, value in metrics.items():
                low, high = interval(draws[metric], self._confidence)
                row = {**place, "head": name, "way": way, "metric": metric, "value": value, "low": low, "high": high}
                self.scores.append({**row, "images": _count(present)})
            if way == "ensemble":
                primary = enumerate(draws[primary_metric(head, metrics)].tolist())
                self.draws += [{**place, "head": name, "draw": number, "value": value} for number, value in primary]
        self._add_test_groups(rows, name, found["ensemble"], labels, present)
        if isinstance(head, Classification):
            values, truth = found["ensemble"], labels.argmax(dim=1)
            self._confusion.append(_decisions({**place, "head": name}, head, truth, values.argmax(dim=1)))
            self.reliability += [{**place, "head": name, **row} for row in reliability(values, truth)]

    def _add_test_groups(self, rows: pl.DataFrame, name: str, values: Tensor, labels: Tensor, present: Tensor) -> None:
        """How good the ensemble is group by group, by every other head that tells of the whole image, and in all."""
        head = self.heads[name]
        if isinstance(head, Identification):
            return  # its groups would be of people, not of images
        everyone = {WHOLE: {WHOLE: torch.ones(len(rows), dtype=torch.bool)}}
        for by, members in (everyone | group_members(rows, self.heads)).items():
            for group, inside in members.items():
                if by != name and _count(present[inside]):
                    value = _in_group(head, score(head, values[inside], labels[inside], present[inside]))
                    place = {**_place(rows), "head": name, "by": by, "group": group}
                    self.test_groups.append({**place, "value": value, "images": _count(present[inside])})

    def add_pairs(self, rows: pl.DataFrame, name: str, found: dict[str, Tensor], pairs: Sequence[Pair]) -> int:
        """Verify a list of pairs, as far as both are among one data set's test rows; returns how many are.

        The interval is of two standard errors over the list's folds: LFW's way. Where fewer than two folds have both
        true and false pairs nothing is scored, and 0 returned.
        """
        places = {image_of(path): place for place, path in enumerate(rows["path"])}
        kept = [pair for pair in pairs if pair.first in places and pair.second in places]
        if len({pair.fold for pair in kept if pair.same} & {pair.fold for pair in kept if not pair.same}) < 2:
            return 0
        first, second = (torch.tensor([places[getattr(pair, side)] for pair in kept]) for side in ("first", "second"))
        same, fold = torch.tensor([pair.same for pair in kept]), torch.tensor([pair.fold for pair in kept])
        for way in WAYS:
            value, low, high = score_pairs(found[way][first], found[way][second], same, fold)
            row = {**_place(rows), "head": name, "way": way, "metric": "pairs_accuracy", "value": value}
            self.scores.append({**row, "low": low, "high": high, "images": len({*first.tolist(), *second.tolist()})})
        return len(kept)

    def add_audit(self, rows: pl.DataFrame, name: str, pseudo: pl.DataFrame, cells: Cells) -> None:
        """Measure one head's pseudo-labels on one data set's audit rows."""
        joined = rows.select("image").join(pseudo, on="image", how="left", maintain_order="left")
        head, labels, present = self.heads[name], cells.labels[name], cells.weights[name]
        assert not isinstance(head, Identification | Compound)
        values = torch.tensor(joined[f"{name}_soft"].to_list(), dtype=torch.float32)
        kept = torch.tensor(joined[f"{name}_weight"].to_list(), dtype=torch.float32)
        if kept.ndim > present.ndim:
            kept = kept.amin(dim=1)
        everything = (values, kept, labels, present)
        self.audit += self._audited(rows, name, partial(audit_kept, head), everything)
        if isinstance(head, Classification):
            negative = torch.tensor(joined[f"{name}_negative"].to_list(), dtype=torch.bool)
            self.audit += self._audited(rows, name, audit_negative, (negative, labels, present))
        self._add_groups(rows, name, "class", partial(audit_classes, head), everything)
        for other, members in group_members(rows, self.heads).items():
            if other != name or isinstance(head, Regression):
                self._add_groups(rows, name, other, partial(audit_groups, head), (*everything, members))

    def _add_groups(self, rows: pl.DataFrame, name: str, by: str, measure: Measure, everything: Sequence) -> None:
        for row in self._audited(rows, name, measure, everything):
            group, _, metric = row["metric"].rpartition("/")
            self.groups.append({**row, "metric": metric, "by": by, "group": group})

    def _audited(self, rows: pl.DataFrame, name: str, measure: Measure, everything: Sequence) -> list[dict]:
        """A row for each metric, with its interval over people."""
        draws = self._draw(lambda at: measure(*(_pick(part, at) for part in everything)), people(rows))
        found = []
        for metric, value in measure(*everything).items():
            low, high = interval(draws[metric], self._confidence)
            found.append({**_place(rows), "head": name, "metric": metric, "value": value, "low": low, "high": high})
        return found

    def tables(self) -> dict[str, pl.DataFrame]:
        """By the name of its file."""
        confusion = pl.concat(self._confusion) if self._confusion else pl.DataFrame()
        small = {what: pl.DataFrame(getattr(self, what)) for what in SMALL}
        return {**small, "confusion": confusion}

    def metrics(self) -> dict:
        """Point values, nested for ``dvc metrics show``: way -> data set -> head -> metric."""
        nested: dict = {}
        for row in [*self.scores, *({**row, "way": "audit"} for row in self.audit)]:
            by_head = nested.setdefault(row["way"], {}).setdefault(row["dataset"], {})
            by_head.setdefault(row["head"], {})[row["metric"]] = row["value"]
        return nested


def _in_group(head: AnyHead, metrics: Mapping[str, float]) -> float:
    """What groups are compared by, over all outputs of a head: few groups have every class.

    Of numbers 1 - error / range, for concordance is low wherever a group's truths are alike.
    """
    if isinstance(head, Regression):
        return 1 - metrics["mae"] / (head.range[1] - head.range[0])
    return metrics[PRIMARY[head.kind]]


def _decisions(place: dict[str, str], head: Classification, truth: Tensor, decided: Tensor) -> pl.DataFrame:
    """A row an image: what it is, and what the network says."""
    classes = np.array(head.classes)
    named = pl.DataFrame({"actual": classes[truth.numpy()], "predicted": classes[decided.numpy()]})
    return named.select(*(pl.lit(value).alias(key) for key, value in place.items()), "actual", "predicted")


def group_members(rows: pl.DataFrame, heads: AnyHeads) -> dict[str, dict[str, Tensor]]:
    """The groups of labelled images by each head that tells of the whole image: bool [images] by group.

    Of a classification its classes, of a single number four equal bands of its range.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for name, head in heads.items():
        match head:
            case Classification():
                inside = {group: rows[name].cast(pl.String) == group for group in head.classes}
            case Regression() if len(head.outputs) == 1:
                edges = np.linspace(*head.range, BANDS + 1).tolist()
                numbers = rows[name].arr.first()
                inside = {
                    f"{low:g} to {high:g}": (numbers >= low) & (numbers < high if high < edges[-1] else numbers <= high)
                    for low, high in pairwise(edges)
                }
            case _:
                continue
        found[name] = {
            group: torch.from_numpy(where.fill_null(False).to_numpy().copy()) for group, where in inside.items()
        }
    return found


def _pick(part: Tensor | dict[str, Tensor], at: Tensor) -> Tensor | dict[str, Tensor]:
    return {name: value[at] for name, value in part.items()} if isinstance(part, dict) else part[at]


def _place(rows: pl.DataFrame) -> dict[str, str]:
    return {"dataset": rows["dataset"][0], "domain": rows["domain"][0]}


def _count(present: Tensor) -> int:
    known = present > 0
    return int((known.any(dim=1) if known.ndim > 1 else known).sum())
