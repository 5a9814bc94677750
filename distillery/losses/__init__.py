"""Losses per cell, one file each, and the masked mean over cells that makes a head's loss of them."""

from torch import Tensor

from distillery.heads import Classification, Detection, Head, Regression
from distillery.losses.classification import soft_cross_entropy
from distillery.losses.concordance import concordance_loss
from distillery.losses.detection import binary_cross_entropy
from distillery.losses.masked import masked_mean
from distillery.losses.regression import expected_value_loss, smooth_l1

__all__ = ["cell_losses", "head_loss"]


def head_loss(
    head: Head, logits: Tensor, labels: Tensor, weights: Tensor, *, smoothing: float, total: Tensor | None = None
) -> Tensor:
    """One head's loss over a batch: a scalar, 0 without any labelled cell.

    A concordance is of all its images together: of a part of a batch it counts by the part's share.

    Args:
        head: says which loss it is.
        logits: float [batch, outputs].
        labels: float [batch, names]: probabilities, or numbers in the head's units; any finite number where
            the weight is 0 (not-a-number would reach the gradient).
        weights: float [batch] (detection: [batch, elements]); 0 for an empty cell.
        smoothing: label smoothing of classification heads.
        total: the labelled cells of the whole batch, at least 1, where these rows are a part of it.
    """
    if isinstance(head, Regression) and head.loss == "ccc":
        share = weights.sum() / (weights.sum().clamp(min=1.0) if total is None else total)
        return concordance_loss(head, logits, labels, weights) * share.clamp(max=1.0)
    return masked_mean(cell_losses(head, logits, labels, smoothing=smoothing), weights, total)


def cell_losses(head: Head, logits: Tensor, labels: Tensor, *, smoothing: float) -> Tensor:
    """The loss of each cell, float [batch] (detection: [batch, elements]); where it is a concordance, the error."""
    match head:
        case Classification():
            return soft_cross_entropy(logits, labels, smoothing=smoothing)
        case Detection():
            return binary_cross_entropy(logits, labels)
        case _ if head.bins is None:
            return smooth_l1(head, logits, labels)
        case _:
            return expected_value_loss(head, logits, labels)
