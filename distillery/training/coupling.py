"""Couplings of a run: two heads, their relatedness, and what of their cells and logits a coupling's loss takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from distillery.images.cells import Cells
from distillery.losses.classification import soft_cross_entropy
from distillery.losses.coupling.co_annotation import name_class, switch_on
from distillery.losses.coupling.distribution_matching import distribution_matching
from distillery.losses.coupling.soft_co_annotation import soft_classes
from distillery.losses.masked import masked_mean
from distillery.methods import ConstantSide, Form


class Coupling(Protocol):
    """A loss on a classification head and a detection head together."""

    @property
    def name(self) -> str:
        """What a record calls it."""

    @property
    def weight(self) -> float:
        """Of its loss in the total."""

    def counted(self, cells: Cells) -> Tensor:
        """What each image weighs in it, float [images]."""

    def losses(self, logits: dict[str, Tensor], cells: Cells) -> Tensor:
        """The loss of each image, float [images]."""


@dataclass(frozen=True, kw_only=True)
class SoftCoAnnotation:
    """Labelled elements teach the classes: ``L_SCA = -sum_a q(a|x) log p(a|x)`` (FBN, METHODS).

    Only where the class itself is not labelled: a label is worth more than what follows from a relation.
    """

    classes: str
    elements: str
    relatedness: Tensor
    weight: float
    temperature: float

    @property
    def name(self) -> str:
        return f"soft_co_annotation-{self.classes}-{self.elements}"

    def counted(self, cells: Cells) -> Tensor:
        # What an image is not leaves open what it is.
        unknown = (cells.weights[self.classes] == 0) | (cells.labels[self.classes] < 0).any(dim=1)
        return self._targets(cells)[1] * unknown

    def losses(self, logits: dict[str, Tensor], cells: Cells) -> Tensor:
        return soft_cross_entropy(logits[self.classes], self._targets(cells)[0], smoothing=0.0)

    def _targets(self, cells: Cells) -> tuple[Tensor, Tensor]:
        marks, known = cells.labels[self.elements], cells.weights[self.elements]
        return soft_classes(marks, known, self.relatedness.to(marks.device), temperature=self.temperature)


@dataclass(frozen=True, kw_only=True)
class DistributionMatching:
    """What the classes foretell of the elements meets what the network says of them, in every image."""

    classes: str
    elements: str
    relatedness: Tensor
    weight: float
    form: Form
    constant: ConstantSide

    @property
    def name(self) -> str:
        return f"distribution_matching-{self.classes}-{self.elements}"

    def counted(self, cells: Cells) -> Tensor:
        return torch.ones_like(cells.weights[self.classes])

    def losses(self, logits: dict[str, Tensor], cells: Cells) -> Tensor:
        classes, elements = logits[self.classes], logits[self.elements]
        related = self.relatedness.to(classes.device, non_blocking=True)
        return distribution_matching(classes, elements, related, form=self.form, constant=self.constant)


def co_annotate(cells: Cells, classes: str, elements: str, relatedness: Tensor) -> Cells:
    """Fill empty cells of both heads by what the other one's labels imply; a labelled cell is never touched.

    Args:
        classes: a classification head.
        elements: a detection head.
        relatedness: float [classes, elements].
    """
    given = cells.labels[classes], cells.weights[classes], cells.labels[elements], cells.weights[elements]
    switched, strength = switch_on(given[0], given[1], relatedness)
    named, certain = name_class(given[2], given[3], relatedness)
    labels, weights = dict(cells.labels), dict(cells.weights)
    labels[classes] = torch.where((given[1] == 0)[:, None], named, given[0])
    weights[classes] = torch.where(given[1] == 0, certain, given[1])
    labels[elements] = torch.where(given[3] == 0, switched, given[2])
    weights[elements] = torch.where(given[3] == 0, strength, given[3])
    return Cells(labels, weights)


def coupling_losses(
    couplings: Sequence[Coupling], logits: dict[str, Tensor], cells: Cells, totals: Sequence[Tensor]
) -> list[Tensor]:
    """The mean loss of each coupling over the images that count in it, scalars.

    Args:
        cells: of these images.
        totals: what counts in the whole batch, by coupling, of which these images may be a part.
    """
    return [
        masked_mean(each.losses(logits, cells), each.counted(cells), total.clamp(min=1))
        for each, total in zip(couplings, totals, strict=True)
    ]
