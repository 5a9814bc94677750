"""Thresholds that fall for classes that are learnt less well (FlexMatch, Zhang et al., NeurIPS 2021, eq. 5 to 11)."""

from collections.abc import Iterable

import numpy as np

from distillery.labelling.selection.counting import count_by_class, sum_over
from distillery.labelling.selection.evidence import Evidence, Weigh
from distillery.labelling.selection.threshold import keep_from


def flex_match(parts: Iterable[Evidence], *, least: float) -> Weigh:
    """``p_max >= tau b_c / (2 - b_c)``, ``b_c`` = confident cells of class c over those of the class that has most.

    Confident is what reaches ``tau`` itself, never the lowered threshold. Where no cell of a group does, ``tau`` stays.
    The paper's warm-up, which counts the unsure cells as a class too, is left out: all cells are there from the start.
    So all of a class that nobody is sure of is kept while others are sure; a ``threshold`` after it refuses them.

    Args:
        least: tau.
    """
    found = sum_over(parts, lambda cells: count_by_class(cells, cells.kept & (cells.confidence >= least)))
    most = found.max(axis=1, keepdims=True)
    learnt = np.where(most > 0, found / np.maximum(most, 1), 1)
    thresholds = least * learnt / (2 - learnt)
    return lambda cells: keep_from(cells, thresholds)
