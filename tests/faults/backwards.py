"""Imported before a stage: the wall clock, set in 2001, runs backwards an hour at every look."""

import itertools
import time

_looks = itertools.count()


def _nanoseconds() -> int:
    return 10**18 - next(_looks) * 3600 * 10**9


time.time_ns = _nanoseconds
time.time = lambda: _nanoseconds() / 1e9
