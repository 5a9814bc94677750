"""What other rules would keep: ``distillery what-if r1``. Reads a round's predictions; infers, writes, changes nothing.

For a grid of rules, head by head: the share of cells that is kept, how evenly over classes, how right it expects to be
and, where audit labels exist, how right it is. To choose by the last column is to choose by the audit, which then
measures nothing any more: it is there to be looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl
import torch

from distillery.errors import DistilleryError
from distillery.heads import Head, Regression
from distillery.images.cells import labelled_cells
from distillery.labelling.calibration.fit import Calibration
from distillery.labelling.pseudo_labels import read_cells
from distillery.labelling.selection.counting import count_by_class
from distillery.labelling.selection.evidence import Evidence, apply_rules, fit_rules
from distillery.params import Params
from distillery.params import selection as sections
from distillery.quality import quality
from tasks.support import paths
from tasks.support.selecting import Predicted, calibrate, make_rule

LEAST = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
Rules = tuple[sections.Rule, ...]


@dataclass(frozen=True)
class Audited:
    """Cells of a part, and the truth of some: ``rows`` int64 [known], ``labels`` float [known, names], ``present``."""

    cells: Evidence
    rows: np.ndarray
    labels: torch.Tensor
    present: torch.Tensor


def compare(
    key: str, params: Params, *, least: Sequence[float] = LEAST, shares: Sequence[float] = SHARES
) -> Iterator[dict[str, object]]:
    """A row for each head and set of rules.

    Args:
        least: thresholds of the grid, ascending.
        shares: of cells, in rules that take so many, ascending.

    Raises:
        DistilleryError: there is no such round, or it has no predictions yet.
    """
    if key not in params.rounds:
        raise DistilleryError(f"no round {key!r}; allowed: {list(params.rounds)}")
    predicted = Predicted(paths.predictions(key), paths.MANIFEST, params.distilled)
    for name, head in params.distilled.items():
        calibration = calibrate(predicted, name, params.pseudo_labels.calibration)
        parts = list(_audited(predicted, name, calibration))
        chosen = params.pseudo_labels.heads[name].rules
        frequency = partial(predicted.frequency, name)
        cells = [part.cells for part in parts]
        for rules in dict.fromkeys([chosen, *_grid(head, cells, least, shares)]):
            fitted = fit_rules([make_rule(rule, frequency) for rule in rules], partial(iter, cells))
            found = _describe(head, [replace(part, cells=apply_rules(fitted, part.cells)) for part in parts])
            yield {"head": name, "rules": sections.in_words(rules), "now": rules == chosen, **found}


def _grid(head: Head, cells: Sequence[Evidence], thresholds: Sequence[float], shares: Sequence[float]) -> list[Rules]:
    if isinstance(head, Regression):
        widest = np.concatenate([each.width.max(axis=1) for each in cells if each.width is not None])
        limits = [float(f"{np.quantile(widest, share):.3g}") for share in shares] if len(widest) else []
        return [(sections.Narrow(kind="narrow", width=limit, spread=None),) for limit in limits if limit > 0]
    least = [value for value in thresholds if value >= sections.lowest(head)]
    single: list[sections.Rule] = [sections.Threshold(kind="threshold", least=value) for value in least]
    single += [sections.FlexMatch(kind="flex_match", least=value) for value in least[::2]]
    single += [sections.FreeMatch(kind="free_match"), sections.SoftMatch(kind="soft_match")]
    single += [sections.TopK(kind="top_k", share=share, repeat=1) for share in shares[:-1:2]]
    single += [sections.RateMatched(kind="rate_matched")]
    single += [
        sections.Uncertainty(kind="uncertainty", least=value, spread=0.1, balanced=balanced, negative=None)
        for value in least[::2]
        for balanced in (False, True)
    ]
    debiased = sections.Debiased(kind="debiased", strength=0.4)
    return [*((rule,) for rule in single), *((debiased, rule) for rule in single[: len(least) : 2])]


def _audited(predicted: Predicted, name: str, calibration: Calibration) -> Iterator[Audited]:
    known, head = predicted.known(name, "audit").select("image", "truth"), predicted.heads[name]
    for part in predicted.empty_cells(name):
        rows = part.select("image").with_row_index("row").join(known, on="image", maintain_order="left")
        labels = labelled_cells(rows.select(pl.col("truth").alias(name)), {name: head})
        cells = read_cells(part, name, head, calibration)
        yield Audited(cells, rows["row"].to_numpy().astype(np.int64), labels.labels[name], labels.weights[name])


def _describe(head: Head, parts: Sequence[Audited]) -> dict[str, object]:
    weight = np.concatenate([part.cells.weight for part in parts])
    sure = np.concatenate([_sureness(part.cells) for part in parts])
    good, share = (torch.cat(values) for values in zip(*(_right(head, part) for part in parts), strict=True))
    balance = None
    if not isinstance(head, Regression):
        counts = sum(count_by_class(part.cells, part.cells.kept) for part in parts)
        balance = _evenness(np.asarray(counts))
    return {
        "kept": float((weight > 0).mean()) if weight.size else 0.0,
        "balance": balance,
        "expected": float((sure * weight).sum() / weight.sum()) if weight.any() else None,
        "audited": float((good * share).sum() / share.sum()) if share.any() else None,
        "cells": int((share > 0).sum()),
    }


def _sureness(cells: Evidence) -> np.ndarray:
    return cells.confidence if cells.width is None else cells.width.mean(axis=1, keepdims=True)


def _right(head: Head, part: Audited) -> tuple[torch.Tensor, torch.Tensor]:
    """How good the audited cells are, and what weight those that are known have: both flat."""
    values = torch.from_numpy(part.cells.values[part.rows])
    weight = torch.from_numpy(part.cells.weight[part.rows]).reshape(part.present.shape)
    return quality(head, values, part.labels).flatten(), (part.present * weight).flatten()


def _evenness(counts: np.ndarray) -> float:
    """Entropy of the classes over its largest, in the mean over groups: 1 where all are equally frequent."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(axis=1)
    return float((entropy / np.log(counts.shape[1])).mean())


def print_comparison(key: str, params: Params) -> None:
    """A line for each set of rules, as soon as it is known."""
    before = None
    for row in compare(key, params):
        if row["head"] != before:
            before = str(row["head"])
            is_number = isinstance(params.distilled[before], Regression)
            sure, right = ("width", "error") if is_number else ("expected", "audited")
            print(f"\n  {before:56}{'kept':>8}{'balance':>9}{sure:>10}{right:>9}{'of cells':>10}")
        shown = f"{_number(row['kept'], 8)}{_number(row['balance'], 9)}{_number(row['expected'], 10)}"
        mark = "*" if row["now"] else " "
        print(f"{mark} {row['rules']!s:56}{shown}{_number(row['audited'], 9)}{row['cells']:10,}", flush=True)
    print("\n* as params.yaml has it")


def _number(value: object, width: int) -> str:
    return f"{'-' if value is None else f'{value:.3f}':>{width}}"
