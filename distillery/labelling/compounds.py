"""Zero-shot compound emotions: classes that no image was labelled with, scored from what other heads say (FBN)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from distillery.emotions import components, units_by_emotion
from distillery.heads import AnyHeads, Compound, names

# Whose score rises by 1 where the predicted valence is positive.
POSITIVE = ("happily surprised", "happily disgusted")


def score_compounds(head: Compound, heads: AnyHeads, values: Mapping[str, Tensor]) -> Tensor:
    """``C(c|x) = sum_k r[c,k] p(AU_k|x) / sum_k r[c,k] + p(e1|x) + p(e2|x) + V``: float [images, classes].

    Source: METHODS, FBN: c is made of the emotions e1 and e2, r are the shares of Du et al. (``emotions.py``), and V is
    1 where the predicted valence is positive and c is happily surprised or happily disgusted. Units that the detection
    head lacks are left out of both sums; without such a head, or one of valence, so is the term.

    Args:
        head: the classes and the heads that they are scored from.
        heads: all heads.
        values: by head, float [images, names]: probabilities, or numbers in the head's units.
    """
    classes = names(heads[head.expression])
    pairs = [components()[name] for name in head.classes]
    first, second = (torch.tensor([classes.index(pair[place]) for pair in pairs]) for place in (0, 1))
    found = values[head.expression][:, first] + values[head.expression][:, second]
    if head.action_units is not None:
        units = names(heads[head.action_units])
        shares = found.new_tensor(
            [[units_by_emotion()[name].get(unit, 0.0) for unit in units] for name in head.classes]
        )
        found = found + values[head.action_units] @ (shares / shares.sum(dim=1, keepdim=True)).T
    if head.valence is not None:
        positive = values[head.valence][:, names(heads[head.valence]).index("valence")] > 0
        found = found + positive[:, None] * found.new_tensor([float(name in POSITIVE) for name in head.classes])
    return found
