"""Every metric of a head, of whatever kind it is."""

import torch
from torch import Tensor

from distillery.heads import AnyHead, Classification, Compound, Detection, Identification
from distillery.metrics.classification import score_classes
from distillery.metrics.detection import score_elements
from distillery.metrics.identification import score_identities
from distillery.metrics.regression import score_numbers


def score(
    head: AnyHead, values: Tensor, labels: Tensor, present: Tensor, drawn: Tensor | None = None
) -> dict[str, float]:
    """Every metric of one head over its labelled cells.

    Args:
        head: says which metrics they are.
        values: float [images, names]: probabilities, numbers in the head's units, or directions.
        labels: float [images, names], as ``images.cells`` makes them.
        present: float [images] (detection: [images, elements]); 0 for an empty cell.
        drawn: int64 [rows], a choice of the images, which may repeat, to score instead of all. Means over classes or
            elements are over those that occur among all images, and not a number where the choice has none of one:
            else who is bad at a class would gain by its loss.
    """
    at = torch.arange(len(values)) if drawn is None else drawn
    match head:
        case Classification() | Compound():
            occurring = labels[present > 0].any(dim=0)
            at = at[present[at] > 0]
            return score_classes(values[at], labels[at].argmax(dim=1), occurring)
        case Identification():
            at = at[present[at] > 0]
            return score_identities(values[at], labels[at, 0].long())
        case Detection():
            truth = torch.where(present > 0, labels, -1).long()
            occurring = (truth == 1).any(dim=0)
            return score_elements(values[at], truth[at], head.elements, occurring)
        case _:
            at = at[present[at] > 0]
            return score_numbers(values[at], labels[at], head.outputs)
