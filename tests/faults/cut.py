"""One write by distillery.files in a process that kills itself before its n-th system call; it prints those it made.

``python -m tests.faults.cut file|folder PATH TEXT N [two-steps]``; N = 0 kills nothing.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from distillery import files

CALLS = ("open", "close", "fsync", "ftruncate", "rename", "replace", "unlink", "rmdir", "mkdir")


def cut(name: str, call: Callable, last: int, made: list[str]) -> Callable:
    """The call, or the end of the process when it is the one to die before."""

    def counted(*arguments: object, **named: object) -> object:
        first = arguments[0]
        where = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) and first > 2 else first
        made.append(f"{name} {Path(str(where)).name}")
        if len(made) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **named)

    return counted


def write(kind: str, path: Path, text: str) -> None:
    if kind == "file":
        with files.whole_file(path) as draft:
            draft.write_text(text)
    else:
        with files.whole_folder(path) as draft:
            (draft / "deep").mkdir()
            (draft / "deep" / text).write_text(text)
            (draft / text).write_text(text)


def main(kind: str, path: str, text: str, last: str, *fallback: str) -> None:
    made: list[str] = []
    exchange = (lambda *_: False) if fallback else files._exchange
    files._exchange = cut("exchange", exchange, int(last), made)
    for name in CALLS:
        setattr(os, name, cut(name, getattr(os, name), int(last), made))
    write(kind, Path(path), text)
    print("\n".join(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
