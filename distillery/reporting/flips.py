"""What a round said otherwise than the round before it: of the pool's cells that both left to pseudo-labels."""

from dataclasses import dataclass

import polars as pl

from distillery.heads import Detection, Head, Regression
from distillery.reporting.cells import moved


@dataclass(frozen=True, kw_only=True)
class Flips:
    """Shares of the cells of both rounds; ``far``: the mean change of a number in its unit, else None."""

    head: str
    cells: int
    flipped: float | None
    far: float | None
    taken: float
    """Refused before, kept now."""
    dropped: float
    """Kept before, refused now."""


def count_flips(before: pl.DataFrame, after: pl.DataFrame, name: str, head: Head) -> Flips:
    """How many decisions changed from one round's ``cells.pool_cells`` to the next one's.

    A cell of elements has flipped by the share of them that have.
    """
    both = moved(before, after, head)
    far, kept, was_kept = both["moved"], both["kept"], both["was_kept"]
    flipped = far if isinstance(head, Detection) else far > 0
    numbers = isinstance(head, Regression)
    return Flips(
        head=name,
        cells=len(both),
        flipped=None if numbers else _share(flipped),
        far=_share(far * (head.range[1] - head.range[0])) if isinstance(head, Regression) else None,
        taken=_share(kept & ~was_kept),
        dropped=_share(~kept & was_kept),
    )


def _share(column: pl.Series) -> float:
    mean = column.mean()
    return float(mean) if isinstance(mean, int | float) else 0.0
