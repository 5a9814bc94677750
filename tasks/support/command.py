"""The edge: params.yaml read and checked, then one stage called; errors become one clear message."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from distillery.errors import DistilleryError
from distillery.params import Params, validate

PARAMS = Path("params.yaml")
INTERRUPTED = 130


def read_params(path: Path = PARAMS) -> Params:
    """Read and check the parameters.

    Raises:
        DistilleryError: the file is missing, not YAML, or does not fit the schema.
    """
    try:
        found = yaml.safe_load(path.read_text())
    except OSError as error:
        raise DistilleryError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise DistilleryError(f"{path}: not YAML: {error}") from error
    return validate(found, str(path))


def run_stage(stage: Callable[[Params], object]) -> None:
    """Call a stage with the parameters as ``python -m tasks.<stage>`` does."""
    _finish(lambda: stage(read_params()))


def run_keyed_stage(stage: Callable[[Params, str], object]) -> None:
    """The same for a stage that runs once per round or domain: its key is the first argument."""

    def act() -> None:
        if len(sys.argv) != 2:
            raise DistilleryError(f"{Path(sys.argv[0]).stem}: wants one argument, the key of its round or domain")
        stage(read_params(), sys.argv[1])

    _finish(act)


def limit_threads(threads: int) -> None:
    """Fix the number of threads: sums over another number of threads round differently."""
    import torch

    torch.set_num_threads(threads)


def _finish(act: Callable[[], object]) -> None:
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        act()
    except DistilleryError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted: nothing is lost, run the same command again", file=sys.stderr, flush=True)
        os._exit(INTERRUPTED)  # worker threads in the middle of a decode must not hold the exit up


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
