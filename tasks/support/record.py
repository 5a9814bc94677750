"""Where the MLflow record lies and how it is written to: its database opened, its errors said in one line."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from distillery.errors import DistilleryError
from distillery.files import whole_file
from distillery.params import Params
from tasks.support.command import is_out_of_memory

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_PARAM = 6000  # characters that MLflow stores of one value
Record = Mapping[str, float]
KEY, PARENT = "distillery.key", "mlflow.parentRunId"  # a run's tags: a hash of what it records; the run that it is in
VERSION = "version"  # parameters below it are hashes of what a network was made of: last where runs are compared
WAITING = "SCHEDULED"  # MLflow's word for a run that is to go on: trained and not yet measured, rounds that are to come
ENDS = ("FINISHED", "FAILED", "KILLED")


def open_record(params: Params) -> "MlflowClient":
    """A client of ``tracking.uri``; a SQLite file and its folder are made where they are missing."""
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
    import mlflow  # seconds to import, and only this module needs it

    uri = params.tracking.uri
    if uri.startswith("sqlite:///"):
        file = Path(uri.removeprefix("sqlite:///")).resolve()
        if not file.is_file():
            # The schema is made in dozens of steps, of which a kill would leave some: it appears whole or not at all.
            with whole_file(file) as draft:
                _make_schema(draft)
        uri = f"sqlite:///{file}"
    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient()


def _make_schema(file: Path) -> None:
    from mlflow import MlflowClient

    MlflowClient(f"sqlite:///{file}").search_experiments()


def find_experiment(client: "MlflowClient", params: Params) -> str:
    """The id of ``tracking.experiment``, which is made where it is missing."""
    found = client.get_experiment_by_name(params.tracking.experiment)
    if found is not None:
        return str(found.experiment_id)
    # Absolute, links followed: otherwise artifacts land in whatever folder a process happens to run.
    store = Path("runs/artifacts").resolve().as_uri()
    local = params.tracking.uri.startswith("sqlite:")
    return client.create_experiment(params.tracking.experiment, artifact_location=store if local else None)


@contextmanager
def named_errors(params: Params) -> Iterator[None]:
    """What a database says when its disk is full or read-only, as one line that names it."""
    try:
        yield
    except Exception as error:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        if not isinstance(error, MlflowException | SQLAlchemyError):
            raise
        if is_out_of_memory(error):  # which they wrap; no room on a disk would help
            raise MemoryError(str(error)) from error
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise DistilleryError(
            f"tracking.uri: the MLflow record {params.tracking.uri} cannot be used ({reason[:300]}); "
            "make room or make it writable, then run the same command again"
        ) from error


def mark(client: "MlflowClient", runs: Iterable[str], status: str) -> None:
    """Say how runs go. What ended gets the time of its end, and keeps it where it had ended so before.

    MLflow cannot take it from what goes on again.
    """
    for run in runs:
        if client.get_run(run).info.status == status:
            continue
        if status in ENDS:
            client.set_terminated(run, status)
        else:
            client.update_run(run, status=status)


def log_params(client: "MlflowClient", run: str, params: Mapping[str, object]) -> None:
    """Those of a run's parameters that it does not have yet: MLflow never changes one."""
    from mlflow.entities import Param

    known = client.get_run(run).data.params
    batch = [Param(name, str(value)[:MAX_PARAM]) for name, value in params.items() if name not in known]
    for start in range(0, len(batch), 100):  # the most that one call takes
        client.log_batch(run, params=batch[start : start + 100])


def log_metrics(client: "MlflowClient", run: str, metrics: Record, *, step: int, model: str | None = None) -> None:
    """A run's metrics at one step, and a logged model's where one is named, in as few calls as MLflow allows."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    batch = [Metric(name, float(value), now, step, model_id=model) for name, value in metrics.items()]
    for start in range(0, len(batch), 900):  # the most that one call takes is 1,000
        client.log_batch(run, metrics=batch[start : start + 900])


def flatten(nested: Mapping[str, object], before: str = "") -> dict:
    """Nested values under their names joined by slashes."""
    flat: dict = {}
    for name, value in nested.items():
        flat |= flatten(value, f"{before}{name}/") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat
