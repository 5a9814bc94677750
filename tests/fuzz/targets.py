"""What is fuzzed: a name, the inputs, and the property that each input has to keep."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.fuzz import images, models, pairs, params, shards, tables
from tests.fuzz.mutations import mutated


class Target(NamedTuple):
    """``check`` gets an input and a folder that is its own."""

    inputs: st.SearchStrategy[Any]
    check: Callable[[Any, Path], None]


NAMES = (
    "params-values",
    "params-text",
    "study-values",
    "pairs",
    "labels-csv",
    "labels-parquet",
    "labels-columns",
    "tables",
    *(f"image-{kind.lower()}" for kind in images.FORMATS),
    "weights",
    "weights-headers",
    "cards",
    "shards-pixels",
    "shards-jpeg",
)


def make_target(name: str, folder: Path) -> Target:
    """A target whose sound files are first written to ``folder``."""
    match name.split("-"):
        case ["params", "values"]:
            return Target(params.values(), params.check_values)
        case ["params", "text"]:
            return Target(params.text(), params.check_text)
        case ["study", "values"]:
            return Target(params.values(params.STUDY), params.check_study)
        case ["pairs"]:
            return Target(pairs.lists(), pairs.check)
        case ["labels", "csv"]:
            return Target(tables.csv(), tables.check_csv)
        case ["labels", "parquet"]:
            return Target(tables.parquet(), tables.check_parquet)
        case ["labels", "columns"]:
            return Target(tables.columns(), tables.check_columns)
        case ["tables"]:
            sound = tables.ours(folder)
            return Target(mutated(sound), partial(tables.check_ours, sound=sound))
        case ["image", kind]:
            return Target(images.inputs(kind.upper()), images.check)
        case ["weights"]:
            return Target(models.weights(folder), models.check_weights)
        case ["weights", "headers"]:
            return Target(models.headers(), models.check_weights)
        case ["cards"]:
            return Target(models.cards(folder), models.check_card)
        case ["shards", how]:
            return Target(shards.shards(folder, None if how == "pixels" else 90), shards.check)
    raise ValueError(f"no target {name}; allowed: {NAMES}")
