"""Sides measured in turn, so that a busy machine slows all of them, and the row that comes of it."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypedDict, TypeVar

Act = Callable[[], object]
Name = TypeVar("Name", bound=Hashable)


class Row(TypedDict):
    """One comparison.

    ``value`` is ours and ``reference`` the peer's, in ``unit``; ``ratio`` is our throughput over the peer's, above 1
    where we are faster. In the group ``cost of weighting`` both are the peer's, and ``ratio`` is the method's time over
    that of equal weights.
    """

    group: str
    case: str
    against: str
    unit: str
    value: float
    reference: float
    ratio: float
    note: str


def seconds(sides: Mapping[Name, Act], *, passes: int) -> dict[Name, float]:
    """The median time of a pass of each side, after one pass that warms up."""
    found: dict[Name, list[float]] = {name: [] for name in sides}
    for number in range(passes + 1):
        for name, act in sides.items():
            began = time.perf_counter()
            act()
            if number:
                found[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in found.items()}
