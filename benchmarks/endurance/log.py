"""A log that is printed and kept: a line is on disk when it is said."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Say = Callable[[str], None]


@contextmanager
def open_log(path: Path) -> Iterator[Say]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", buffering=1) as file:

        def say(line: str) -> None:
            print(line, flush=True)
            file.write(f"{line.rstrip()}\n")

        yield say
