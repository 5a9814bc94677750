"""What predicting rows of the manifest gives, whichever way it is done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from distillery.labelling.ensemble import Ensembled

Columns = Mapping[str, Mapping[str, np.ndarray]]  # by head: mean, std, agreement, variance, float [images, ...]


@dataclass(frozen=True)
class Found:
    """Of some images: the columns of the predictions table, how many views saw each, int16 [images], and what is to be
    said of the way."""

    columns: Columns
    views: np.ndarray
    note: str = ""


class Ensemble(Protocol):
    """A way of predicting."""

    def predict(self, rows: pl.DataFrame) -> Found:
        """Rows with ``image``, ``domain`` and, by head, whether its cell is empty."""


def stack(parts: Sequence[Columns], order: np.ndarray) -> Columns:
    """Parts below one another, then their rows in another order."""
    return {
        name: {what: np.concatenate([part[name][what] for part in parts])[order] for what in first}
        for name, first in parts[0].items()
    }


def as_columns(results: Iterator[Mapping[str, Ensembled]]) -> Columns:
    """Batches of an ensemble below one another."""
    parts: dict[str, dict[str, list[np.ndarray]]] = {}
    for result in results:
        for name, found in result.items():
            for what in ("mean", "std", "agreement", "variance"):
                if (value := getattr(found, what)) is not None:
                    parts.setdefault(name, {}).setdefault(what, []).append(value.cpu().numpy())
    return {name: {what: np.concatenate(values) for what, values in by.items()} for name, by in parts.items()}
