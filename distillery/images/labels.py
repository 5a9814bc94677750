"""Raw labels to cells: spellings mapped, classes and ranges checked, the empty kept empty."""

import math
import reprlib
from collections.abc import Mapping

from distillery.heads import AnyHead, Classification, Compound, Detection, Identification, Regression

YES_NO = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}
Spellings = Mapping[str, str | None]


class LabelError(ValueError):
    """What was found in a cell and what is allowed there."""


def parse_label(head: AnyHead, raw: object, spellings: Spellings) -> object:
    """One cell's value as the manifest stores it, or None where it is empty.

    Args:
        head: what the cell labels.
        raw: what the data set says; a list where several columns make up one cell.
        spellings: the data set's words to the head's; a word mapped to null makes an empty cell.

    Raises:
        LabelError: an unknown class, a number outside the range, or not a yes/no.
    """
    match head:
        case Classification() | Compound():
            return _parse_class(head, raw, spellings)
        case Identification():
            return None if _is_empty(raw) else str(raw)
        case Detection():
            found = [_parse_element(item) for item in _as_list(raw, len(head.elements))]
            return None if all(item is None for item in found) else found
        case _:
            numbers = [_parse_number(head, item) for item in _as_list(raw, len(head.outputs))]
            return None if any(item is None for item in numbers) else numbers


def _parse_class(head: Classification | Compound, raw: object, spellings: Spellings) -> str | None:
    if _is_empty(raw):
        return None
    name = spellings.get(str(raw), str(raw))
    if name is not None and name not in head.classes:
        raise LabelError(f"unknown class {reprlib.repr(name)}; allowed: {list(head.classes)}, or map it in 'rename'")
    return name


def _parse_element(raw: object) -> bool | None:
    if _is_empty(raw):
        return None
    if (found := YES_NO.get(str(raw).lower())) is None:
        raise LabelError(f"{reprlib.repr(raw)} is no yes/no; allowed: 0, 1, false, true or empty")
    return found


def _parse_number(head: Regression, raw: object) -> float | None:
    if _is_empty(raw):
        return None
    try:
        number = float(str(raw))
    except ValueError:
        raise LabelError(f"{reprlib.repr(raw)} is no number") from None
    low, high = head.range
    if not low <= number <= high:
        raise LabelError(f"{number:g} is outside the range {low:g} to {high:g}")
    return number


def _as_list(raw: object, length: int) -> list[object]:
    if raw is None:
        return [None] * length
    found = list(raw) if isinstance(raw, list | tuple) else [raw]
    if len(found) != length:
        raise LabelError(f"{len(found)} columns for {length} values")
    return found


def _is_empty(raw: object) -> bool:
    return raw is None or raw == "" or (isinstance(raw, float) and math.isnan(raw))
