"""Pseudo-labels: the predictions that selection keeps, with their weight, confidence and reason.

A head's row passes calibration (none yet: its place is ``_confidence``), then its selection policy.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pyarrow as pa

from distillery.heads import Classification, Detection, Head, Heads, Regression, names
from distillery.labelling.selection.threshold import keep_confident, keep_narrow

KEPT, REFUSED, LABELLED = "kept", "below threshold", "labelled"


def select(predictions: pl.DataFrame, heads: Heads, thresholds: Mapping[str, float]) -> pa.Table:
    """The pseudo-labels of every predicted image, as ``tables.pseudo_labels_schema`` declares them.

    Args:
        predictions: the predictions table; null cells are labelled ones and stay so.
        thresholds: by head: least probability (classification, each element of detection), or the largest standard
            deviation in the head's units (regression).
    """
    columns: dict[str, pa.Array] = {"image": predictions["image"].to_arrow().cast(pa.string())}
    for name, head in heads.items():
        empty = predictions[name].is_not_null().to_numpy()
        values = _filled(predictions[name])
        confidence = _confidence(head, values, predictions, name)
        weight = _weight(head, confidence, thresholds[name]) * empty.reshape(-1, *[1] * (confidence.ndim - 1))
        kept = (weight if weight.ndim == 1 else weight.max(axis=1, initial=0)) > 0
        columns |= {
            f"{name}_soft": _wide(values, ~empty),
            f"{name}_hard": _hard(head, values, ~empty),
            f"{name}_weight": _wide(weight, ~empty),
            f"{name}_confidence": _wide(confidence, ~empty),
            f"{name}_reason": pa.array(np.where(~empty, LABELLED, np.where(kept, KEPT, REFUSED))).dictionary_encode(),
        }
    return pa.table(columns)


def _confidence(head: Head, values: np.ndarray, predictions: pl.DataFrame, name: str) -> np.ndarray:
    """Largest probability, certainty of each element, or (regression) the predictive standard deviation."""
    match head:
        case Classification():
            return values.max(axis=1, initial=0)
        case Detection():
            return np.maximum(values, 1 - values)
        case Regression():
            # E[x^2] - E[x]^2 of a sharp distribution can round to just below 0.
            return np.sqrt(_filled(predictions[f"{name}_variance"]).clip(min=0))


def _weight(head: Head, confidence: np.ndarray, threshold: float) -> np.ndarray:
    if isinstance(head, Regression):
        # All outputs of a head are learnt together: one that is too wide refuses the cell.
        return np.broadcast_to(keep_narrow(confidence, threshold).min(axis=1, keepdims=True), confidence.shape)
    return keep_confident(confidence, threshold)


def _hard(head: Head, values: np.ndarray, null: np.ndarray) -> pa.Array:
    match head:
        case Classification():
            codes = pa.array(values.argmax(axis=1).astype(np.int32), mask=null)
            return pa.DictionaryArray.from_arrays(codes, pa.array(names(head)))
        case Detection():
            return _wide(values >= 0.5, null)
        case Regression():
            return _wide(values, null)


def _filled(column: pl.Series) -> np.ndarray:
    """A fixed-size list column as float32 [rows, width], 0 where null."""
    width = column.dtype.size  # type: ignore[attr-defined]
    return np.stack([column.arr.get(i).fill_null(0).to_numpy() for i in range(width)], axis=1)


def _wide(values: np.ndarray, null: np.ndarray) -> pa.Array:
    if values.ndim == 1:
        return pa.array(values, mask=null)
    flat = pa.array(np.ascontiguousarray(values).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=pa.array(null))
