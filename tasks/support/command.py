"""The edge: params.yaml read and checked, then one stage called; errors become one clear message."""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from distillery.errors import DistilleryError
from distillery.params import Params, validate
from tasks.support import paths
from tasks.support.locks import try_lock
from tasks.support.threads import start_threads
from tasks.support.yaml_file import read_yaml

PARAMS = Path("params.yaml")
INTERRUPTED = 130
REMEDIES = {
    errno.ENOENT: "is missing; `dvc repro` makes it",
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "the disk quota is used up; make room",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
    errno.ENFILE: "the system has too many open files; close some",
    errno.EACCES: "permission denied; make it writable",
    errno.EPERM: "not permitted; make it writable",
    errno.EROFS: "the file system is read-only; make it writable",
    errno.ENOMEM: "out of memory; lower the batch, or free some",
    errno.EAGAIN: "another process is writing it; wait until that one ends",
    errno.EIO: "the disk reports an error",
}

# torch's words, Python's and the loader's.
OUT_OF_MEMORY = (
    "DefaultCPUAllocator",
    "could not create a primitive",
    "could not execute a primitive",
    "out of memory",
    "can't start new thread",
    "failed to map segment",
    "without setting an exception",
    "without exception set",
)


class Stop:
    """Whether someone asked this process to end. The first request may wait for a checkpoint, the second does not."""

    def __init__(self) -> None:
        self.requested = False
        self.gently = False

    def __call__(self) -> bool:
        return self.requested

    def request(self, *_: object) -> None:
        """Take a signal."""
        if self.requested or not self.gently:
            raise KeyboardInterrupt
        self.requested = True


STOP = Stop()


@contextmanager
def stopping_gently() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether to stop: whoever asks it within a second saves its work first."""
    STOP.gently = True
    try:
        yield STOP
    finally:
        STOP.gently = False


def read_params(path: Path = PARAMS) -> Params:
    """Read and check the parameters.

    Raises:
        DistilleryError: the file is missing, not YAML, or does not fit the schema.
    """
    return validate(read_yaml(path), str(path))


def run_stage(stage: Callable[[Params], object]) -> None:
    """Call a stage with the parameters as ``python -m tasks.<stage>`` does."""

    def act() -> None:
        with _alone(stage):
            stage(read_params())

    finish(act)


def run_keyed_stage(stage: Callable[[Params, str], object]) -> None:
    """The same for a stage that runs once per round or domain: its key is the first argument."""

    def act() -> None:
        if len(sys.argv) != 2:
            raise DistilleryError(f"{Path(sys.argv[0]).stem}: wants one argument, the key of its round or domain")
        with _alone(stage):
            stage(read_params(), sys.argv[1])

    finish(act)


@contextmanager
def _alone(stage: Callable[..., object]) -> Iterator[None]:
    """One process a stage and key: two would share their unfinished work."""
    spec = sys.modules[stage.__module__].__spec__  # of a module that is run, __main__, it has the name
    module = spec.name if spec else stage.__module__
    name = "-".join([module.removeprefix("tasks."), *sys.argv[1:]])
    paths.LOCKS.mkdir(parents=True, exist_ok=True)
    with (paths.LOCKS / f"{name.replace('/', '-')}.lock").open("w") as file:
        if not try_lock(file):
            raise DistilleryError(f"{name} runs in this folder already; wait until that one ends")
        make_ready()
        yield


def make_ready() -> None:
    """What has to be settled before a table is read."""
    start_threads()
    # Arrow's own allocators keep what they freed: a third of a stage's memory, where tables are large.
    pa.set_memory_pool(pa.system_memory_pool())


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether it says, in whose words ever, that memory was too short, or came of what says so: some say nothing."""
    if error is None:
        return False
    said = isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)
    return said or is_out_of_memory(error.__cause__ or error.__context__)


def finish(act: Callable[[], object]) -> None:
    """Do it, and answer what goes wrong with one line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, STOP.request)
    try:
        act()
    except DistilleryError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        sys.exit(f"error: {error.filename or 'a file'}: {REMEDIES[error.errno]}, then run the same command again")
    except (MemoryError, RuntimeError, ImportError, SystemError) as error:
        if not is_out_of_memory(error):
            raise
        sys.exit(f"error: {REMEDIES[errno.ENOMEM]}, then run the same command again ({error})")
    except KeyboardInterrupt:
        print("interrupted: nothing is lost, run the same command again", file=sys.stderr, flush=True)
        os._exit(INTERRUPTED)  # worker threads in the middle of a decode must not hold the exit up
