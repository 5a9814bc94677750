"""Relatedness of emotions and facial action units, as experts found it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import polars as pl
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.losses.coupling.relatedness import declared

NEUTRAL = "neutral"  # in no table: a neutral face shows no unit


@cache
def expert_table() -> dict[str, dict[str, float]]:
    """By emotion, basic or compound, its action units: 1 where prototypical, else the share of people that show it.

    Source: Du, Tao, Martinez, PNAS 2014 (111(15), E1454), table 1.
    """
    table = pl.read_csv(Path(__file__).with_name("du2014.csv"), comment_prefix="#")
    groups = table.partition_by("emotion", maintain_order=True)
    return {group["emotion"][0]: dict(group.select("unit", "share").iter_rows()) for group in groups}


def expert(classes: Sequence[str], elements: Sequence[str]) -> Tensor:
    """The table's matrix for a head of emotions and one of action units named AU1, AU2, ...: [classes, elements].

    Units that the head does not have are left out.

    Raises:
        DistilleryError: the table does not know a class, or none of its units is an element.
    """
    table = expert_table()
    if unknown := [name for name in classes if name not in table and name != NEUTRAL]:
        raise DistilleryError(f"relatedness: expert does not know {unknown}; known: {[NEUTRAL, *table]}")
    rows = {name: table.get(name, {}) for name in classes}
    for name, units in rows.items():
        if units and not set(units) & set(elements):
            raise DistilleryError(f"relatedness: expert relates {name!r} to {sorted(units)}, none of {list(elements)}")
    kept = {name: {unit: share for unit, share in units.items() if unit in elements} for name, units in rows.items()}
    return declared(kept, classes, elements)
