"""Distribution matching: what the classes foretell of the elements is held against what the network says (FBN, DMC)."""

import torch
from torch import Tensor

from distillery.methods import ConstantSide, Form

EPSILON = 1e-4  # q is kept this far from 0 and 1


def distribution_matching(
    classes: Tensor, elements: Tensor, relatedness: Tensor, *, form: Form, constant: ConstantSide
) -> Tensor:
    """``-sum_b p(b) log q(b)`` with ``q(b|x) = sum_a p(a|x) r[a,b]`` per image: float [images] (METHODS, FBN).

    ``one_sided`` is the papers' form, which is 0 when no element is predicted; ``bernoulli`` adds
    ``-(1 - p(b)) log(1 - q(b))``. The sum is over the elements that any class is related to.

    Args:
        classes: float [images, classes], logits.
        elements: float [images, elements], logits.
        relatedness: float [classes, elements].
        form: which of the two.
        constant: the side that gets no gradient.
    """
    chances, marks = classes.softmax(dim=1), elements.sigmoid()
    chances = chances.detach() if constant == "classes" else chances
    marks = marks.detach() if constant == "elements" else marks
    foretold = (chances @ relatedness).clamp(EPSILON, 1 - EPSILON)
    terms = marks * foretold.log()
    if form == "bernoulli":
        terms = terms + (1 - marks) * (-foretold).log1p()
    return -torch.where(relatedness.sum(dim=0) > 0, terms, 0).sum(dim=1)
