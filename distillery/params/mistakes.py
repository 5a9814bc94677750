"""What is wrong with the parameters, a line each: the key, what was found, what is allowed; never long."""

import math
import reprlib
from collections.abc import Iterator, Mapping, Sequence

from pydantic_core import ErrorDetails

# Keys that DVC leaves out, at any depth, where it asks whether it has run a stage before (its _get_cache_hash).
UNWATCHED = ("size", "nfiles")
WATCHED = ("faces.size", "images.size")  # dvc.yaml names them by themselves
MAX_SHOWN = 20  # mistakes
MAX_KEY = 100  # characters
MAX_MESSAGE = 1000  # characters; holds a list of allowed names


def describe(errors: Sequence[ErrorDetails]) -> list[str]:
    """A line for each mistake that pydantic found."""
    lines = [line for error in errors for line in _explain(error)]
    return [*lines[:MAX_SHOWN], f"  and {len(lines) - MAX_SHOWN} more"] if len(lines) > MAX_SHOWN else lines


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


def unwatched(found: object, key: str = "") -> Iterator[str]:
    """A line for each key of which DVC would not see that what it holds has changed."""
    if isinstance(found, Mapping):
        for name, value in found.items():
            inner = f"{key}.{name}".removeprefix(".")
            if name in UNWATCHED and inner not in WATCHED:
                yield f"  {inner}: DVC's cache of runs is blind to keys of this name; choose another"
            yield from unwatched(value, inner)


def _explain(error: ErrorDetails) -> Iterator[str]:
    key = ".".join(_cut(_printable(str(part)), MAX_KEY) for part in error["loc"])
    said = error["msg"].removeprefix("Value error, ")
    message = _cut(said, MAX_MESSAGE)
    if not key:  # of the file as a whole, where sections do not fit each other: each line names its own
        yield from (f"  {_cut(line, MAX_MESSAGE)}" for line in said.split("\n"))
    elif error["type"] == "extra_forbidden":
        yield f"  {key}: unknown key; remove it or correct its spelling"
    elif error["type"] == "missing":
        yield f"  {key}: missing key"
    elif isinstance(error["input"], dict) or error["type"] == "value_error":
        yield f"  {key}: {message}"
    else:
        yield f"  {key}: {message} (found {_found(error['input'])})"


def _found(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 256:  # of thousands of digits Python makes no text at all
        return f"a number of {value.bit_length()} bits"
    return reprlib.repr(value)


def _printable(key: str) -> str:
    return key if key.isprintable() else ascii(key)[1:-1]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."
