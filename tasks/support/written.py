"""How a stage writes what DVC, people and plots read: tables as CSV, metrics as JSON; whole or not at all."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from distillery.files import whole_file

DIGITS = 5


def write_csv(path: Path, table: pl.DataFrame) -> None:
    """A table with a header."""
    with whole_file(path) as temporary:
        table.write_csv(temporary)


def write_metrics(path: Path, nested: Mapping[str, object]) -> None:
    """Numbers by nested names, for ``dvc metrics show``."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(_plain(nested), indent=1, sort_keys=True) + "\n")


def _plain(value: object) -> object:
    """Rounded; JSON has no word for what is undefined (a precision where nothing was kept) but null."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, DIGITS)
    return value
