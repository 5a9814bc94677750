"""The mean over labelled cells."""

from torch import Tensor


def masked_mean(cells: Tensor, weights: Tensor, total: Tensor | None = None) -> Tensor:
    """``sum_n w_n l_n / max(1, sum_n w_n)``: a scalar.

    Source: the masked loss of METHODS, 2MD (our reconstruction), with the mask m widened to weights in 0..1.
    A cell of weight 0 has no gradient, whatever its loss is, not even where that is not a number.

    Args:
        cells: loss of each cell, any shape.
        weights: the same shape, 0 where the cell is empty.
        total: what to divide by instead, where the cells are a part of the batch: a scalar.
    """
    kept = cells.where(weights > 0, 0.0)
    return (kept * weights).sum() / (weights.sum().clamp(min=1.0) if total is None else total)
