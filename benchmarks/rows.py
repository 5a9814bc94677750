"""One measured figure is one row; every row says against what it was measured, in the same process, by turns."""

import resource
import statistics
import time
from collections.abc import Callable, Iterator

Row = dict[str, str | float]
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
    rates: tuple[list[float], list[float]] = ([], [])
    for number in range(passes + 1):
        for act, found in zip((ours, other), rates, strict=True):
            began = time.perf_counter()
            done = act()
            if number:  # the first pass warms up
                found.append(done / (time.perf_counter() - began))
    first, second = (statistics.median(found) for found in rates)
    spread = max(statistics.stdev(found) / statistics.median(found) for found in rates)
    note = f"{note}; " if note else ""
    return row(
        group, case, first, unit="images/s", against=against, reference=second, note=f"{note}spread {spread:.0%}"
    )


def compare_many(group: str, acts: dict[str, Act], *, against: str, passes: int = 5) -> Iterator[Row]:
    """Several variants of one thing against the one named, all by turns."""
    rates: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(passes + 1):
        for name, act in acts.items():
            began = time.perf_counter()
            done = act()
            if number:
                rates[name].append(done / (time.perf_counter() - began))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, value in medians.items():
        yield row(group, name, value, unit="images/s", against=against, reference=medians[against])


def peak_mebibytes() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
