"""Sure, and agreed upon by the views (UPS, Rizve et al., ICLR 2021, eq. 5, and its balance of classes, section 3.3)."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from distillery.labelling.selection.counting import decided_spread, edge, spread_histogram
from distillery.labelling.selection.evidence import Evidence, Weigh
from distillery.labelling.selection.threshold import by_decision


def uncertainty(
    parts: Iterable[Evidence],
    *,
    least: float,
    spread: float,
    balanced: bool,
    negative: tuple[float, float] | None = None,
) -> Weigh:
    """``p_max >= tau`` and a standard deviation across views below kappa; of a detection for yes and for no.

    The paper's uncertainty is of dropout, ours of views.

    Args:
        least: tau.
        spread: kappa.
        balanced: keep of each class as many as the rarest has, the least uncertain; a class without any has no say.
        negative: tau_n and kappa_n: a classification's classes with ``p <= tau_n`` and a deviation below kappa_n are
            known not to be the cell's.
    """

    def sure(cells: Evidence) -> Evidence:
        kept = (cells.confidence >= least) & (decided_spread(cells) < spread)
        unlike = cells.negative
        if negative is not None:
            unlike = (cells.values <= negative[0]) & (cells.spread < negative[1])
        return replace(cells, weight=cells.weight * kept, negative=unlike)

    if not balanced:
        return sure
    counts = spread_histogram(map(sure, parts))
    found = counts.sum(axis=2)
    rarest = np.where(found > 0, found, np.inf).min(axis=1, keepdims=True)
    agreed = edge(counts, np.where(np.isfinite(rarest), rarest, 0) * np.ones_like(found))

    def weigh(cells: Evidence) -> Evidence:
        cells = sure(cells)
        least_agreed = by_decision(agreed, cells)
        return replace(cells, weight=cells.weight * (1 - decided_spread(cells) >= least_agreed))

    return weigh
