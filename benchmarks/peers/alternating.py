"""Sides measured in turn, so that a busy machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch

from benchmarks.rows import Name, turns
from benchmarks.setting import params


def seconds(sides: Mapping[Name, Callable[[], object]], *, passes: int) -> dict[Name, float]:
    """The median time of a pass of each side, after one pass that warms up."""
    found: dict[Name, list[float]] = {name: [] for name in sides}
    for number, name in turns(sides, passes=passes + 1):
        began = time.perf_counter()
        sides[name]()
        if number:
            found[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in found.items()}


def as_a_stage(act: Callable[[], object]) -> Callable[[], None]:
    """Our side with deterministic algorithms where the stages promise them; no peer is held to them."""

    def held() -> None:
        _be_deterministic(params().deterministic)
        act()
        _be_deterministic(False)

    _be_deterministic(False)
    return held


def _be_deterministic(wanted: bool) -> None:
    torch.use_deterministic_algorithms(wanted)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
