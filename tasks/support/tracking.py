"""MLflow, the only place that knows it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from distillery.params import Params


@contextmanager
def live_run(params: Params, key: str, provenance: Mapping[str, str]) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """TEMPORARY until the MLflow record is in place: logs nowhere."""
    yield lambda record: None
