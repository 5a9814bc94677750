"""Relatedness of emotions and facial action units, as experts found it."""

from collections.abc import Sequence

from torch import Tensor

from distillery.emotions import NEUTRAL, units_by_emotion
from distillery.errors import DistilleryError
from distillery.losses.coupling.relatedness import declared


def expert(classes: Sequence[str], elements: Sequence[str]) -> Tensor:
    """Du et al.'s shares (``emotions.py``) for a head of emotions and one of units AU1, AU2, ...: [classes, elements].

    Units that the head does not have are left out.

    Raises:
        DistilleryError: the table does not know a class, or none of its units is an element.
    """
    table = units_by_emotion()
    if unknown := [name for name in classes if name not in table and name != NEUTRAL]:
        raise DistilleryError(f"relatedness: expert does not know {unknown}; known: {[NEUTRAL, *table]}")
    rows = {name: table.get(name, {}) for name in classes}
    for name, units in rows.items():
        if units and not set(units) & set(elements):
            raise DistilleryError(f"relatedness: expert relates {name!r} to {sorted(units)}, none of {list(elements)}")
    kept = {name: {unit: share for unit, share in units.items() if unit in elements} for name, units in rows.items()}
    return declared(kept, classes, elements)
