"""polars' threads, started where a failure to start them is an error: in the middle of a query it waits for ever."""

import os
import threading

import polars as pl

from distillery.errors import DistilleryError

STACK = 1 << 21  # bytes: what Rust gives a thread


def start_threads() -> None:
    """Make polars start its threads, having seen that so many can be started.

    Raises:
        DistilleryError: memory or the number of processes is too short for them.
    """
    # Its pool, those that wait for files, its allocator's: by processors; to ask polars for its number starts them.
    _try_threads(4 * len(os.sched_getaffinity(0)) + 4)
    pl.read_csv(b"first\n1\n")


def _try_threads(count: int) -> None:
    hold, former = threading.Event(), threading.stack_size(STACK)
    started = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=hold.wait)
            thread.start()
            started.append(thread)
    except (RuntimeError, MemoryError) as error:
        raise DistilleryError(
            f"out of memory or of processes: started {len(started)} of {count} threads; free some, or raise the limits "
            "(ulimit -v, ulimit -u), then run the same command again"
        ) from error
    finally:
        hold.set()
        for thread in started:
            thread.join()
        threading.stack_size(former)
