"""One head's pseudo-labels of a round as the report looks at them: a row for each empty cell of the pool."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from distillery.heads import Classification, Detection, Head, Regression

COLUMNS = ("soft", "hard", "weight", "confidence")  # of the pseudo-labels table, by head


def pool_cells(
    pseudo: Iterable[pl.DataFrame], seen: Iterable[pl.DataFrame], pool: pl.DataFrame, name: str, head: Head
) -> pl.DataFrame:
    """``image``, ``known`` and what became of the cell.

    ``kept``, of elements whether any is; ``sureness``, greater is surer; ``disputed``, the greater the less its views
    agree; ``soft``, ``hard`` and ``weight`` as stored.

    Args:
        pseudo: the pseudo-labels table in parts; labelled cells are left out.
        seen: the predictions in parts: of a regression its spread over views, else their agreement.
        pool: ``image`` and ``known`` (whether the head's truth is) of the splits unlabelled and audit.
        name: the head's.
        head: says what its columns hold.
    """
    stored = {key: pl.col(f"{name}_{key}") for key in COLUMNS}
    found = []
    for part in pseudo:
        labels = part.select("image", **stored).filter(pl.col("weight").is_not_null())
        labels = labels.join(pool, on="image", maintain_order="left")
        sureness = across(labels["confidence"]).mean(axis=1) * (-1 if isinstance(head, Regression) else 1)
        kept = kept_parts(labels["weight"], head).max(axis=1)
        found.append(labels.drop("confidence").with_columns(kept=kept, sureness=sureness))
    spread = views_column(name, head)
    sign = 1 if isinstance(head, Regression) else -1
    views = [
        part.select("image", disputed=sign * across(part[spread]).mean(axis=1))
        for part in (part.filter(pl.col(spread).is_not_null()) for part in seen)
    ]
    return pl.concat(found).join(pl.concat(views), on="image", how="left", maintain_order="left")


def views_column(name: str, head: Head) -> str:
    """The column of a predictions table that says how far its views are of one mind."""
    return f"{name}_std" if isinstance(head, Regression) else f"{name}_agreement"


def kept_parts(weight: pl.Series, head: Head) -> np.ndarray:
    """What can be kept or refused by itself: bool [rows, elements], of other heads [rows, 1]."""
    weights = across(weight)
    return (weights if isinstance(head, Detection) else weights.min(axis=1, keepdims=True)) > 0


def moved(before: pl.DataFrame, after: pl.DataFrame, head: Head) -> pl.DataFrame:
    """The cells of both rounds: those ``after``, with ``was_weight``, and ``moved``, how far the answer went.

    From 0 to 1: of classes half the change of their probabilities where the decision is another one, else 0; of
    elements the share whose decision is; of numbers the mean change as a share of the range.
    """
    earlier = before.select("image", was_soft="soft", was_hard="hard", was_weight="weight")
    both = after.join(earlier, on="image", maintain_order="left")
    match head:
        case Classification():
            far = np.abs(across(both["soft"]) - across(both["was_soft"])).sum(axis=1) / 2
            far *= (both["hard"].cast(pl.String) != both["was_hard"].cast(pl.String)).to_numpy()
        case Detection():
            far = (across(both["hard"]) != across(both["was_hard"])).mean(axis=1)
        case _:
            low, high = head.range
            far = np.abs(across(both["soft"]) - across(both["was_soft"])).mean(axis=1) / (high - low)
    return both.drop("was_soft", "was_hard").with_columns(moved=far)


def across(column: pl.Series) -> np.ndarray:
    """[rows, width], also where there is no row."""
    width = column.dtype.size if isinstance(column.dtype, pl.Array) else 1
    return column.to_numpy().reshape(len(column), width)
