"""One measured figure is one row; every row says against what it was measured, in the same process, by turns."""

import resource
import statistics
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

Row = dict[str, str | float]
Name = TypeVar("Name", bound=Hashable)
Act = Callable[[], int]  # does some work and returns how many units of it, images mostly


def row(
    group: str,
    case: str,
    value: float,
    *,
    unit: str,
    against: str = "",
    reference: float = float("nan"),
    note: str = "",
) -> Row:
    """A line of the table; ``ratio`` is value over reference."""
    ratio = value / reference if reference == reference else reference
    return {
        "group": group,
        "case": case,
        "against": against,
        "unit": unit,
        "value": value,
        "reference": reference,
        "ratio": ratio,
        "note": note,
    }


def compare(group: str, case: str, ours: Act, other: Act, *, against: str, passes: int = 7, note: str = "") -> Row:
    """Images a second of both sides, medians over passes that alternate, so that a busy machine slows both."""
    rates = rates_by_turns({"ours": ours, "other": other}, passes=passes)
    first, second = (statistics.median(found) for found in rates.values())
    spread = max(statistics.stdev(found) / statistics.median(found) for found in rates.values())
    note = f"{note}; " if note else ""
    return row(
        group, case, first, unit="images/s", against=against, reference=second, note=f"{note}spread {spread:.0%}"
    )


def compare_many(group: str, acts: dict[str, Act], *, against: str, passes: int = 6) -> Iterator[Row]:
    """Several variants of one thing against the one named, all by turns."""
    rates = rates_by_turns(acts, passes=passes)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, value in medians.items():
        note = f"spread {statistics.stdev(rates[name]) / value:.0%}"
        yield row(group, name, value, unit="images/s", against=against, reference=medians[against], note=note)


def rates_by_turns(acts: dict[str, Act], *, passes: int) -> dict[str, list[float]]:
    """Units a second of each act in every pass but the first, which warms up."""
    rates: dict[str, list[float]] = {name: [] for name in acts}
    for number, name in turns(acts, passes=passes + 1):
        began = time.perf_counter()
        done = acts[name]()
        if number:
            rates[name].append(done / (time.perf_counter() - began))
    return rates


def turns(names: Iterable[Name], *, passes: int) -> Iterator[tuple[int, Name]]:
    """Pass and name, every name once a pass, and each pass begins with another one.

    Whoever follows a hungry neighbour finds cold caches and a busy machine; it must not always be the same one.
    """
    order = list(names)
    for number in range(passes):
        yield from ((number, name) for name in order)
        order = [*order[1:], order[0]]


def peak_mebibytes() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
