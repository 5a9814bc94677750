"""Couplings of two heads as params.yaml declares them."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from distillery.heads import AnyHeads, Classification, Detection, Frozen
from distillery.methods import ConstantSide, Form
from distillery.params.kinds import Positive, Share


class _Coupling(Frozen):
    """A classification head, a detection head and how they are related.

    ``relatedness``: ``expert`` (emotions and action units, Du et al. 2014), ``empirical`` (from training images that
    carry both labels) or a table of element shares by class.
    """

    classes: str
    elements: str
    relatedness: Literal["expert", "empirical"] | dict[str, dict[str, Share]]

    def check(self, where: str, heads: AnyHeads) -> None:
        """Raises ValueError: a head is unknown or of the wrong kind, or the table names what a head lacks."""
        classes, elements = heads.get(self.classes), heads.get(self.elements)
        if not isinstance(classes, Classification):
            allowed = [name for name, head in heads.items() if isinstance(head, Classification)]
            raise ValueError(f"{where}.classes is {self.classes!r}; allowed: a classification head, {allowed}")
        if not isinstance(elements, Detection):
            allowed = [name for name, head in heads.items() if isinstance(head, Detection)]
            raise ValueError(f"{where}.elements is {self.elements!r}; allowed: a detection head, {allowed}")
        for name, related in self.relatedness.items() if isinstance(self.relatedness, Mapping) else ():
            if name not in classes.classes:
                raise ValueError(f"{where}.relatedness names {name!r}; allowed: {list(classes.classes)}")
            if unknown := sorted(set(related) - set(elements.elements)):
                raise ValueError(f"{where}.relatedness.{name} names {unknown}; allowed: {list(elements.elements)}")


class CoAnnotation(_Coupling):
    """Labels of one head become labels of the other where the relation leaves no doubt."""

    kind: Literal["co_annotation"]


class SoftCoAnnotation(_Coupling):
    """Labelled elements teach the classes softly."""

    kind: Literal["soft_co_annotation"]
    weight: Positive
    temperature: Positive


class DistributionMatching(_Coupling):
    """What the classes foretell of the elements meets what the network says of them."""

    kind: Literal["distribution_matching"]
    weight: Positive
    form: Form
    constant: ConstantSide


Coupling = Annotated[CoAnnotation | SoftCoAnnotation | DistributionMatching, Field(discriminator="kind")]
