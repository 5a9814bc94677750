"""Pseudo-labelled cells in a batch: what they count for, at which temperature, and those that are left out."""

import torch
from torch import Tensor

from distillery.heads import Head, Regression
from distillery.methods import LabelledShare

MOST = 4  # times the labelled cells of a head in a batch


def counted(weights: Tensor, pseudo: Tensor | None, share: LabelledShare) -> Tensor:
    """By what a head's summed loss is divided, a scalar: the weight of its labelled cells, or of all.

    Divided by the labelled ones alone their part of the loss is what it is without pseudo-labels, which come on top,
    each worth a labelled cell times its weight. Where these are more than ``MOST`` times as many the labelled part
    shrinks, or the loss would jump with the few labelled cells that a batch happens to hold. A batch without a labelled
    cell is divided by all.
    """
    total = weights.sum()
    if pseudo is None or share == "shrinking":
        return total
    labelled = weights.masked_fill(pseudo, 0).sum()
    return torch.where(labelled > 0, torch.maximum(labelled, total / (1 + MOST)), total)


def at_temperature(
    head: Head, logits: Tensor, weights: Tensor, pseudo: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Logits / T and weights * T^2 of pseudo-labelled cells (Hinton, Vinyals, Dean 2015, section 2); numbers have no T.

    T squared makes up for gradients that are as much smaller.
    """
    if isinstance(head, Regression):
        return logits, weights
    by_cell = torch.where(pseudo, temperature, 1.0)
    return logits / by_cell.reshape(len(logits), -1), weights * by_cell.square()


def drop_largest(losses: Tensor, weights: Tensor, pseudo: Tensor, share: float) -> Tensor:
    """Weights without the pseudo-labelled cells of largest loss, whatever these weigh; labelled cells all stay.

    What a network learns last is most often wrong (small-loss selection: Han et al., Co-teaching, NeurIPS 2018).

    Args:
        losses: of each cell, shaped as ``weights`` and ``pseudo``.
        share: of the pseudo-labelled cells, rounded down.
    """
    ordered = losses.masked_fill(~pseudo, -torch.inf).flatten().argsort(descending=True, stable=True)
    place = torch.empty_like(ordered)
    place[ordered] = torch.arange(len(ordered), device=ordered.device)
    dropped = place < (share * pseudo.sum()).floor()
    return weights.masked_fill(dropped.view_as(weights), 0)
