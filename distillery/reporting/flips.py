"""What a round said otherwise than the round before it: of the pool's cells that both left to pseudo-labels."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from distillery.heads import Detection, Head, Regression
from distillery.reporting.cells import kept_parts


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


def count_flips(both: pl.DataFrame, name: str, head: Head) -> Flips:
    """How many decisions changed from one round to the next.

    Args:
        both: what ``cells.moved`` gives.
        name: the head's.
        head: a detection has a cell for each element.
    """
    kept, was_kept = (kept_parts(both[column], head) for column in ("weight", "was_weight"))
    far = both["moved"].to_numpy()
    numbers = isinstance(head, Regression)
    return Flips(
        head=name,
        cells=kept.size,
        flipped=None if numbers else _share(far if isinstance(head, Detection) else far > 0),
        far=_share(far * (head.range[1] - head.range[0])) if isinstance(head, Regression) else None,
        taken=_share(kept & ~was_kept),
        dropped=_share(~kept & was_kept),
    )


def _share(found: np.ndarray) -> float:
    return float(found.mean()) if found.size else 0.0
