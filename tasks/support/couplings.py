"""Couplings as params.yaml declares them, made ready for training: each with its relatedness."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from distillery.errors import DistilleryError
from distillery.heads import AnyHeads, names
from distillery.images.cells import Cells
from distillery.losses.coupling.expert import expert
from distillery.losses.coupling.relatedness import declared, empirical
from distillery.params.couplings import CoAnnotation, Coupling, DistributionMatching, SoftCoAnnotation
from distillery.training import coupling


def co_annotated(cells: Cells, declarations: Sequence[Coupling], heads: AnyHeads) -> Cells:
    """The labelled cells and what follows from them by every co-annotation.

    Raises:
        DistilleryError: the expert table does not know a class, or no image carries both labels.
    """
    found = cells
    for place, each in enumerate(declarations):
        if isinstance(each, CoAnnotation):
            related = _relatedness(place, each, heads, cells)
            found = coupling.co_annotate(found, each.classes, each.elements, related)
    return found


def make_couplings(cells: Cells, declarations: Sequence[Coupling], heads: AnyHeads) -> list[coupling.Coupling]:
    """The couplings that are losses.

    Args:
        cells: of the labelled training images, for a relatedness that is empirical.

    Raises:
        DistilleryError: the expert table does not know a class, or no image carries both labels.
    """
    made: list[coupling.Coupling] = []
    for place, each in enumerate(declarations):
        match each:
            case SoftCoAnnotation() | DistributionMatching():
                related = _relatedness(place, each, heads, cells)
                what = each.model_dump(exclude={"kind", "relatedness"}) | {"relatedness": related}
                soft = isinstance(each, SoftCoAnnotation)
                made.append(coupling.SoftCoAnnotation(**what) if soft else coupling.DistributionMatching(**what))
    return made


def _relatedness(place: int, each: Coupling, heads: AnyHeads, cells: Cells) -> Tensor:
    classes, elements = names(heads[each.classes]), names(heads[each.elements])
    try:
        match each.relatedness:
            case "expert":
                return expert(classes, elements)
            case Mapping():
                return declared(each.relatedness, classes, elements)
            case _:
                labels, weights = cells.labels, cells.weights
                marks, known = labels[each.elements], weights[each.elements]
                return empirical(labels[each.classes], weights[each.classes], marks, known, classes)
    except DistilleryError as error:
        raise DistilleryError(f"couplings.{place} ({each.classes}, {each.elements}): {error}") from error
