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


def describe(errors: Sequence[ErrorDetails], document: object) -> list[str]:
    """A line for each mistake that pydantic found in a document.

    Of a value that may be of several types each says why it is not of its own: they share a line. A sequence is called
    too short where its elements are what is wrong: then only they are named.
    """
    said: dict[str, list[str]] = {}
    for error in errors:
        deeper = (other["loc"] for other in errors if len(other["loc"]) > len(error["loc"]))
        if error["type"] != "too_short" or not any(loc[: len(error["loc"])] == error["loc"] for loc in deeper):
            said.setdefault(_key(error, document), []).append(_explain(error))
    # Of the file as a whole, where sections do not fit each other, each line names its own key.
    lines = [f"  {_cut(line, MAX_MESSAGE)}" for text in said.pop("", []) for line in text.split("\n")]
    lines += [f"  {key}: {_cut('; or: '.join(dict.fromkeys(texts)), MAX_MESSAGE)}" for key, texts in said.items()]
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


def _key(error: ErrorDetails, document: object) -> str:
    """Where in the document it is: pydantic names the types of a union on the way as if they were keys."""
    parts, place = [], document
    for number, part in enumerate(error["loc"]):
        inside = part in place if isinstance(place, Mapping) else isinstance(place, list) and part in range(len(place))
        if inside:
            place = place[part]  # type: ignore[index]
        if inside or (error["type"] == "missing" and number == len(error["loc"]) - 1):
            parts.append(_cut(_printable(str(part)), MAX_KEY))
    return ".".join(parts)


def _explain(error: ErrorDetails) -> str:
    said = error["msg"].removeprefix("Value error, ")
    match error["type"]:
        case "extra_forbidden":
            return "unknown key; remove it or correct its spelling"
        case "missing":
            return "missing key"
        case "value_error":
            return said
        case _:
            return said if isinstance(error["input"], dict) else f"{said} (found {_found(error['input'])})"


def _found(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 256:  # of thousands of digits Python makes no text at all
        return f"a number of {value.bit_length()} bits"
    return reprlib.repr(value)


def _printable(key: str) -> str:
    return key if key.isprintable() else ascii(key)[1:-1]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."
