"""A served run that is deleted in Prefect's UI ends as one that is cancelled; Prefect by itself only forgets it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

EVERY = 5.0  # seconds between two questions


@contextmanager
def ending_when_deleted() -> Iterator[None]:
    """Within it this process gets the signal that Prefect sends to a cancelled run, once its flow run is gone."""
    if runtime.deployment.id is None:
        yield  # by hand: whoever began it can end it
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(UUID(str(runtime.flow_run.id)), over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(flow_run: UUID, over: threading.Event) -> None:
    while not over.wait(EVERY):
        if _is_gone(flow_run):
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _is_gone(flow_run: UUID) -> bool:
    with suppress(Exception), get_client(sync_client=True) as client:  # a server that is busy or away knows nothing
        try:
            client.read_flow_run(flow_run)
        except ObjectNotFound:
            return True
    return False
