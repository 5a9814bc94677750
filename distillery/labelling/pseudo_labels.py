"""Pseudo-labels: calibrated predictions that selection keeps, with their weight, confidence and reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from distillery.heads import Classification, Detection, Head, Heads, Regression, names
from distillery.labelling.calibration.fit import Calibration
from distillery.labelling.chances import as_chances, as_values
from distillery.labelling.selection.evidence import Evidence, Weigh
from distillery.parquet import as_column
from distillery.tables import KEPT, LABELLED, NEGATIVE


@dataclass(frozen=True)
class Plan:
    """How one head's predictions become pseudo-labels: its calibration, then rules by name, one after another."""

    calibration: Calibration
    rules: Sequence[tuple[str, Weigh]]


def read_cells(rows: pl.DataFrame, name: str, head: Head, calibration: Calibration) -> Evidence:
    """A head's predicted cells, calibrated by the domain of each image.

    Args:
        rows: of the predictions table, with ``domain`` beside it; an empty cell of it, which has a label, is read as 0.
    """
    values, deviation = _filled(rows[name]), None
    if isinstance(head, Regression):
        # E[x^2] - E[x]^2 of a sharp distribution can round to just below 0.
        deviation = np.sqrt(_filled(rows[f"{name}_variance"]).clip(min=0))
    domains = rows["domain"].cast(pl.String).to_numpy()
    for domain in set(domains.tolist()):
        inside = domains == domain
        if deviation is None:
            chances = calibration(as_chances(head, values[inside]), domain)
            values[inside] = as_values(head, chances)
        else:
            deviation[inside] = calibration(deviation[inside], domain)
    groups = len(head.elements) if isinstance(head, Detection) else 1
    weight = np.ones((len(rows), groups), dtype=np.float32)
    return Evidence(head, values, _filled(rows[f"{name}_std"]), deviation, weight)


def select(predictions: pl.DataFrame, heads: Heads, plans: Mapping[str, Plan]) -> pa.Table:
    """The pseudo-labels of predicted images, as ``tables.pseudo_labels_schema`` declares them.

    Args:
        predictions: the predictions table, with each image's ``domain``; null cells are labelled ones and stay so.
        plans: by head.
    """
    columns: dict[str, pa.Array] = {"image": predictions["image"].to_arrow().cast(pa.string())}
    for name, head in heads.items():
        labelled = predictions[name].is_null().to_numpy()
        cells, reasons = _weigh(read_cells(predictions, name, head, plans[name].calibration), plans[name].rules)
        reasons[labelled] = LABELLED
        shown = _as_columns(cells)
        columns |= {
            f"{name}_soft": as_column(cells.values, labelled),
            f"{name}_hard": _hard(head, cells.values, labelled),
            f"{name}_weight": as_column(
                shown["weight"] * ~labelled.reshape(-1, *[1] * (shown["weight"].ndim - 1)), labelled
            ),
            f"{name}_confidence": as_column(shown["confidence"], labelled),
            f"{name}_reason": pa.array(reasons).dictionary_encode(),
        }
        if isinstance(head, Classification):
            columns[f"{name}_negative"] = as_column(_unlike(cells), labelled)
    return pa.table(columns)


def _weigh(cells: Evidence, rules: Sequence[tuple[str, Weigh]]) -> tuple[Evidence, np.ndarray]:
    """What the rules leave, and which of them refused the last of each cell."""
    reasons = np.full(len(cells.values), KEPT, dtype=object)
    for name, weigh in rules:
        before = cells.kept.any(axis=1)
        cells = weigh(cells)
        reasons[before & ~cells.kept.any(axis=1)] = f"refused by {name}"
    reasons[_unlike(cells).any(axis=1)] = NEGATIVE
    return cells, reasons


def _unlike(cells: Evidence) -> np.ndarray:
    """Of cells that are refused, the classes that they are surely not of: bool [cells, names]."""
    if cells.negative is None:
        return np.zeros(cells.values.shape, dtype=bool)
    return cells.negative & ~cells.kept


def _as_columns(cells: Evidence) -> dict[str, np.ndarray]:
    """``weight`` and ``confidence`` as the table holds them: of a classification one number, else one for each name."""
    if isinstance(cells.head, Regression):
        assert cells.width is not None
        return {"weight": np.broadcast_to(cells.weight, cells.width.shape), "confidence": cells.width}
    columns = {"weight": cells.weight, "confidence": cells.confidence}
    return {what: value[:, 0] if isinstance(cells.head, Classification) else value for what, value in columns.items()}


def _hard(head: Head, values: np.ndarray, null: np.ndarray) -> pa.Array:
    match head:
        case Classification():
            codes = pa.array(values.argmax(axis=1).astype(np.int32), mask=null)
            return pa.DictionaryArray.from_arrays(codes, pa.array(names(head)))
        case Detection():
            return as_column(values >= 0.5, null)
        case Regression():
            return as_column(values, null)


def _filled(column: pl.Series) -> np.ndarray:
    """A fixed-size list column as float32 [rows, width], 0 where null."""
    width = column.dtype.size  # type: ignore[attr-defined]
    return np.stack([column.arr.get(i).fill_null(0).to_numpy() for i in range(width)], axis=1)
