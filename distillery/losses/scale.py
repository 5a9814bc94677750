"""What a head's loss is worth where nothing is known: the unit that makes the losses of different heads comparable."""

import math

from distillery.heads import Classification, Detection, LearntHead, Regression


def loss_scale(head: LearntHead) -> float:
    """The loss of a prediction without knowledge: uniform over the classes or bins, undecided about an element.

    Source: METHODS, DYN, "divided by its scale (log of the number of classes, or its first value)". The losses
    of regression and identification are in such units already: one, and for a distribution over bins one more.
    """
    match head:
        case Classification():
            return math.log(len(head.classes))
        case Detection():
            return math.log(2)
        case Regression():
            return 2.0 if head.bins and head.loss == "error" else 1.0
        case _:
            return 1.0
