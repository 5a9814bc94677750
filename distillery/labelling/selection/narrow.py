"""Numbers: keep what is narrow enough, in the head's units."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from distillery.labelling.selection.evidence import Evidence, Weigh


def narrow(_: Iterable[Evidence], *, width: float | None, spread: float | None) -> Weigh:
    """All outputs of a cell within both: they are learnt together.

    Args:
        width: the largest predictive standard deviation; None allows any.
        spread: the largest standard deviation across views; None allows any.
    """

    def weigh(cells: Evidence) -> Evidence:
        assert cells.width is not None
        kept = np.ones(len(cells.values), dtype=bool)
        for limit, found in ((width, cells.width), (spread, cells.spread)):
            if limit is not None:
                kept &= (found <= limit).all(axis=1)
        return replace(cells, weight=cells.weight * kept[:, None])

    return weigh
