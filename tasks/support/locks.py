"""Locks that die with the process that holds them."""

import fcntl
from typing import TextIO


def try_lock(file: TextIO) -> bool:
    """Whether nobody else holds this file: then it is ours until it is closed, or we are killed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
