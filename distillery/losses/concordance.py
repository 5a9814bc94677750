"""The loss of agreement: how far the numbers of a batch are from concordance with their labels."""

from torch import Tensor

from distillery.heads import Regression
from distillery.losses.regression import to_unit, unit_values

TINY = 1e-8  # in the unit of the range, squared: both sides the same constant


def concordance_loss(head: Regression, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """``1 - mean_o ccc_o`` over the labelled images: a scalar.

    ``ccc = 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2)``. Source: Lin 1989; FBN (METHODS), ``1 - (ccc_v + ccc_a) /
    2``. Variances are over n, each image counted by its weight.
    0 without a labelled image; with a single one, or both sides constant, ccc is 0 and the loss 1.

    Args:
        logits: float [batch, outputs].
        labels: float [batch, outputs], in the head's units; any finite number where the weight is 0.
        weights: float [batch].
    """
    share = (weights / weights.sum().clamp(min=TINY))[:, None]
    x, y = unit_values(head, logits), to_unit(head, labels)
    # An empty cell has no part in it, not even where its loss is not a number.
    x, y = x.where(share > 0, 0.0), y.where(share > 0, 0.0)
    mean_x, mean_y = (share * x).sum(dim=0), (share * y).sum(dim=0)
    together = (share * (x - mean_x) * (y - mean_y)).sum(dim=0)
    spread = (share * (x - mean_x).square()).sum(dim=0) + (share * (y - mean_y).square()).sum(dim=0)
    agreement = 2 * together / (spread + (mean_x - mean_y).square() + TINY)
    return (1 - agreement.mean()) * (weights.sum() > 0)
