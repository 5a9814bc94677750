"""The MLflow record: a parent run for the pipeline, a child for each round; never double, filled up where DVC restored.

Runs are found by the tag ``distillery.key``, a hash of what they record. Stages write their epochs while they train;
``python -m tasks.support.tracking [last round]`` adds what the artefacts hold: metrics, figures, data sets, the model,
and after the last round who is champion.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.networks.card import load_card
from distillery.params import TEACHER, Params
from distillery.tables import read_table
from tasks.support import paths
from tasks.support.closing import target_metrics
from tasks.support.command import run_stage
from tasks.support.record import (
    KEY,
    PARENT,
    VERSION,
    WAITING,
    Record,
    find_experiment,
    flatten,
    log_metrics,
    log_params,
    mark,
    named_errors,
    open_record,
)
from tasks.support.registry import log_network, record_champion
from tasks.support.tracked import licences, log_figures, log_inputs, tag_alarms

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Set by a flow: its run's id and name, and the DVC experiment that it was kept as.
FLOW_RUN, FLOW_RUN_NAME, EXPERIMENT = (f"DISTILLERY_{what}" for what in ("FLOW_RUN", "FLOW_RUN_NAME", "EXPERIMENT"))


@contextmanager
def live_run(params: Params, key: str, provenance: Mapping[str, str]) -> Iterator[Callable[[Record], None]]:
    """Open the run of one round while it trains; yields a function that logs one epoch."""
    with named_errors(params):
        client = open_record(params)
        run = _round_run(client, params, key, provenance)
        both = (run, client.get_run(run).data.tags[PARENT])
        mark(client, both, "RUNNING")
        status = "KILLED"
        try:
            yield lambda record: _log_epochs(client, run, [record])
            status = WAITING
        except Exception:
            status = "FAILED"
            raise
        finally:
            mark(client, both, status)


def record_rounds(params: Params, last: str | None = None, *, whole: bool = True) -> str:
    """Complete the record of every round up to ``last`` from its artefacts; returns the parent run's id.

    Args:
        whole: with figures, data sets and models; else with metrics alone, in a fraction of the time.
    """
    rounds = params.models
    last = last or rounds[-1]
    if last not in rounds:
        raise DistilleryError(f"no round {last!r}; allowed: {rounds}")
    with named_errors(params):
        client = open_record(params)
        parent = _pipeline_run(client, params)
        runs: dict[str, str] = {}
        models: dict[str, str] = {}
        for number, key in enumerate(rounds[: rounds.index(last) + 1]):
            runs[key] = run = _round_run(client, params, key, load_card(paths.model(key)).provenance)
            if whole:
                models[key] = log_network(client, run, key, params)
                _record_artefacts(client, run, params, key)
            _record_scores(client, parent, run, models.get(key), params, number)
            tag_alarms(client, run, rounds[max(0, number - 1) : number + 1])
            mark(client, [run], "FINISHED")
            experiment = find_experiment(client, params)
            print(f"mlflow: round {key} is recorded as run {run} of experiment {experiment}", flush=True)
        if whole and last == rounds[-1]:
            record_champion(client, runs, models, params)
        if last == rounds[-1]:
            mark(client, [parent], "FINISHED")
        return parent


def _record_scores(
    client: "MlflowClient", parent: str, run: str, model: str | None, params: Params, number: int
) -> None:
    """Log what a round's network is worth, its model too, part by part: what a kill interrupts is completed and not
    doubled."""
    key = params.models[number]
    files = {"": paths.metrics(key), "few_shot/": paths.few_shot(key)}
    files = {before: path for before, path in files.items() if path.is_file()}
    state = "-".join(file_hash(path) for path in files.values())
    metrics = {
        name: value
        for before, path in files.items()
        for name, value in flatten(json.loads(path.read_text()), before).items()
        if value is not None
    }
    # These come first where rounds are compared; the rest is named by way, data set, head and metric.
    metrics |= {f"target/{name}": value for name, value in target_metrics(params, key).items()}
    _log_epochs(client, run, read_table(paths.model(key) / "history.parquet").to_dicts())
    _once(
        client, run, f"{state}-{model}", "metrics", lambda: log_metrics(client, run, metrics, step=number, model=model)
    )
    # The runs table and the charts show parents first: rounds are the steps of a line there.
    _once(client, run, state, "parent", lambda: log_metrics(client, parent, metrics, step=number))


def _record_artefacts(client: "MlflowClient", run: str, params: Params, key: str) -> None:
    state = file_hash(paths.metrics(key))
    _once(client, run, state, "figures", lambda: log_figures(client, run, paths.evaluation(key)))
    _once(client, run, state, "inputs", lambda: log_inputs(client, run, key, params))


def _once(client: "MlflowClient", run: str, state: str, part: str, act: Callable[[], object]) -> None:
    """Do one part of a run's record unless it was done for the same state of the artefacts."""
    if client.get_run(run).data.tags.get(f"distillery.{part}") != state:
        act()
        client.set_tag(run, f"distillery.{part}", state)


def _pipeline_run(client: "MlflowClient", params: Params) -> str:
    nothing = {"tracking", "promotion", "views"}  # of which no network follows
    facts = {"params": params.model_dump(mode="json", exclude=nothing), "manifest": file_hash(paths.MANIFEST)}
    run = _find_or_create(
        client, params, _hash(facts), name=os.environ.get(FLOW_RUN_NAME) or params.report.title, tags={}
    )
    log_params(client, run, flatten(params.model_dump(mode="json", exclude={"tracking", "faces"})))
    names = {"git.commit": _commit(), "prefect.flow_run": os.environ.get(FLOW_RUN, "")}
    names["dvc.experiment"] = os.environ.get(EXPERIMENT, "")
    if Path("dvc.lock").is_file():
        names["dvc.lock"] = file_hash(Path("dvc.lock"))
    for name, value in names.items():
        if value:
            client.set_tag(run, name, value)
    return run


def _round_run(client: "MlflowClient", params: Params, key: str, provenance: Mapping[str, str]) -> str:
    parent = _pipeline_run(client, params)
    section = params.teacher if key == TEACHER else params.student
    tags = {PARENT: parent, "round": key}
    tags |= {"teacher": params.rounds[key].teacher} if key != TEACHER else {}
    tags |= {"data": provenance["manifest"], "licence": licences(params, key)}
    name = f"{key} {client.get_run(parent).info.run_name}"  # where runs are compared, those of several flows meet
    run = _find_or_create(client, params, _hash([parent, key, dict(provenance)]), name=name, tags=tags)
    chosen = {"network": params.network, "training": section}
    if key != TEACHER:
        chosen |= {"predictions": params.predictions, "pseudo_labels": params.pseudo_labels}
    flat = flatten({name: part.model_dump(mode="json") for name, part in chosen.items()})
    log_params(client, run, {**flat, "seed": params.seed, **{f"{VERSION}/{k}": v for k, v in provenance.items()}})
    return run


def _find_or_create(client: "MlflowClient", params: Params, key: str, *, name: str, tags: dict[str, str]) -> str:
    experiment = find_experiment(client, params)
    found = client.search_runs([experiment], f"tags.`{KEY}` = '{key}'", max_results=1)
    if found:
        return str(found[0].info.run_id)
    made = str(client.create_run(experiment, run_name=name, tags={KEY: key, **tags}).info.run_id)
    mark(client, [made], WAITING)  # it runs while it is trained
    return made


def _log_epochs(client: "MlflowClient", run: str, records: Sequence[Record]) -> None:
    last = client.get_run(run).data.metrics.get("epoch", 0)
    for record in records:
        if record["epoch"] > last:
            log_metrics(client, run, record, step=int(record["epoch"]))


def _hash(facts: object) -> str:
    return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


if __name__ == "__main__":
    run_stage(lambda params: record_rounds(params, *sys.argv[1:2]))
