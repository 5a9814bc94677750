"""What is wrong with the parameters, a line each: the key, what was found, what is allowed; never long."""

import math
import reprlib
from collections.abc import Iterator, Mapping, Sequence

from pydantic_core import ErrorDetails

MAX_SHOWN = 20  # mistakes
MAX_KEY = 100  # characters
MAX_MESSAGE = 1000  # characters; holds a list of allowed names


def describe(errors: Sequence[ErrorDetails]) -> list[str]:
    """A line for each mistake that pydantic found."""
    lines = [_explain(error) for error in errors[:MAX_SHOWN]]
    return [*lines, f"  and {len(errors) - MAX_SHOWN} more"] if len(errors) > MAX_SHOWN else lines


def not_finite(found: object, key: str = "") -> Iterator[str]:
    """A line for each number that is infinite or not a number: no bound of a field catches all of them."""
    if isinstance(found, float) and not math.isfinite(found):
        yield f"  {key}: {found} is no finite number"
    elif isinstance(found, Mapping):
        for name, value in found.items():
            yield from not_finite(value, f"{key}.{name}".removeprefix("."))
    elif isinstance(found, list | tuple):
        for index, value in enumerate(found):
            yield from not_finite(value, f"{key}.{index}")


def _explain(error: ErrorDetails) -> str:
    key = ".".join(_cut(_printable(str(part)), MAX_KEY) for part in error["loc"]) or "(whole file)"
    message = _cut(error["msg"].removeprefix("Value error, "), MAX_MESSAGE)
    if error["type"] == "extra_forbidden":
        message = "unknown key; remove it or correct its spelling"
    elif error["type"] == "missing":
        return f"  {key}: missing key"
    shown = isinstance(error["input"], dict) or error["type"] == "value_error"
    return f"  {key}: {message}" if shown else f"  {key}: {message} (found {_found(error['input'])})"


def _found(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 256:  # of thousands of digits Python makes no text at all
        return f"a number of {value.bit_length()} bits"
    return reprlib.repr(value)


def _printable(key: str) -> str:
    return key if key.isprintable() else ascii(key)[1:-1]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."
