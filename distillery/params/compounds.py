"""Compound heads: whether the heads that they are scored from are there and know what is needed."""

from collections.abc import Mapping

from distillery.emotions import components, units_by_emotion
from distillery.heads import AnyHead, Classification, Compound, Detection, Regression


def check_compound(where: str, head: Compound, heads: Mapping[str, AnyHead]) -> None:
    """Whether the classes are in the table, and other heads know what they are made of.

    Raises:
        ValueError: a class is no compound, or another head is missing, of the wrong kind or too poor.
    """
    known = components()
    if unknown := [name for name in head.classes if name not in known]:
        raise ValueError(f"{where}.classes has {unknown}; allowed: {list(known)}")
    expression = heads.get(head.expression)
    if not isinstance(expression, Classification):
        raise ValueError(f"{where}.expression is {head.expression!r}; allowed: a classification head")
    needed = {emotion for name in head.classes for emotion in known[name]}
    if lacking := sorted(needed - set(expression.classes)):
        raise ValueError(f"{where}.expression: heads.{head.expression} lacks the classes {lacking}")
    if head.action_units is not None:
        units = heads.get(head.action_units)
        if not isinstance(units, Detection):
            raise ValueError(f"{where}.action_units is {head.action_units!r}; allowed: a detection head, or null")
        for name in head.classes:
            if not set(units_by_emotion()[name]) & set(units.elements):
                raise ValueError(f"{where}.action_units: heads.{head.action_units} has no unit of {name!r}")
    if head.valence is not None:
        valence = heads.get(head.valence)
        if not isinstance(valence, Regression) or "valence" not in valence.outputs:
            raise ValueError(
                f"{where}.valence is {head.valence!r}; allowed: a regression head with the output valence, or null"
            )
