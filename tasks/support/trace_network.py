"""What a network came from and went to: sources, worth, MLflow runs, flow run, DVC experiment and commit."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.networks.card import WEIGHTS, load_card
from distillery.params import TEACHER, Params
from distillery.reporting.axes import number
from tasks.support import paths
from tasks.support.closing import compare_targets
from tasks.support.record import KEY, PARENT, VERSION, find_experiment, open_record
from tasks.support.registry import WEIGHTS_TAG, versions_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

UNKNOWN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # as MLflow says that it has no such run
SHORT = 12  # characters of a hash
TAGS = {"flow run": "prefect.flow_run", "DVC experiment": "dvc.experiment", "commit": "git.commit"}


def trace_network(key: str, params: Params) -> Iterator[str]:
    """A round's network as it lies here."""
    if not _lies_here(key, params):
        yield f"network {key}: not made yet"
        return
    weights = file_hash(paths.model(key) / WEIGHTS)
    yield f"network {key}: weights {short(weights)} in {paths.model(key)}"
    made_from = load_card(paths.model(key)).provenance
    sources = {"manifest": paths.MANIFEST, "ledger": paths.LEDGER}
    sources |= {} if key == TEACHER else {"pseudo_labels": paths.pseudo_labels(key)}
    for name, path in sources.items():
        same = "as it lies here" if file_hash(path) == made_from[name] else "ANOTHER one lies here now"
        yield f"  from {path}: {short(made_from[name])}, {same}"
    if key != TEACHER:
        yield f"  its pseudo-labels are by {params.rounds[key].teacher}"
    compared = sorted(compare_targets(params, key), key=attrgetter("dataset"))
    for dataset, scores in groupby(compared, attrgetter("dataset")):
        yield f"  on {dataset}: {', '.join(f'{one.head} {number(one.after)} ({one.metric})' for one in scores)}"
    if not compared:
        yield f"  on {', '.join(params.targets) or 'no target'}: not measured"
    client = open_record(params)
    for run in _runs_of(client, key, made_from, params)[:1]:
        parent = client.get_run(run.data.tags[PARENT])
        yield f"  MLflow run {run.info.run_id} of {parent.info.run_id}"
        yield from _facts(parent)
    for version in versions_of(client, params.tracking.experiment, weights):
        aliases = client.get_model_version(version.name, version.version).aliases
        yield f"  registered as {version.name} {version.version}{''.join(f' @{alias}' for alias in aliases)}"


def trace_version(alias: str, params: Params) -> Iterator[str]:
    """A registered network.

    Raises:
        DistilleryError: nobody has the alias.
    """
    client, name = open_record(params), params.tracking.experiment
    found = [one for one in client.search_registered_models(f"name = '{name}'") if alias in one.aliases]
    if not found:
        raise DistilleryError(f"MLflow knows no {name}@{alias}; `make record` gives the aliases after a promotion")
    version = client.get_model_version_by_alias(name, alias)
    key, weights = version.tags["round"], version.tags[WEIGHTS_TAG]
    yield f"{name}@{alias}: version {version.version}, of round {key}, weights {short(weights)}"
    if _lies_here(key, params) and file_hash(paths.model(key) / WEIGHTS) == weights:
        yield from trace_network(key, params)
    elif run := find_run(str(version.run_id), params):
        yield from _lies_elsewhere(client, run, params)


def find_run(run: str, params: Params) -> "Run | None":
    """An MLflow run of ours by its id."""
    from mlflow.exceptions import MlflowException

    try:
        found = open_record(params).get_run(run)
    except MlflowException as error:
        if error.error_code in UNKNOWN:
            return None
        raise
    return found if KEY in found.data.tags else None


def trace_run(run: "Run", params: Params) -> Iterator[str]:
    """Of a round: its network, where that lies here; of a flow: its rounds."""
    yield f"MLflow run {run.info.run_id}: {run.info.run_name}"
    client, key = open_record(params), run.data.tags.get("round")
    if key is None:
        yield from _facts(run)
        wanted, first = f"tags.`{PARENT}` = '{run.info.run_id}'", ["attributes.start_time ASC"]
        for child in client.search_runs([run.info.experiment_id], wanted, order_by=first):
            yield f"  round {child.data.tags['round']}: MLflow run {child.info.run_id}"
    elif _lies_here(key, params) and _versions(run) == load_card(paths.model(key)).provenance:
        yield from trace_network(key, params)
    else:
        yield from _lies_elsewhere(client, run, params)


def _lies_here(key: str, params: Params) -> bool:
    return key in params.models and (paths.model(key) / WEIGHTS).is_file()


def _versions(run: "Run") -> dict[str, str]:
    """Hashes of what the network of a run was made of."""
    before = f"{VERSION}/"
    return {name.removeprefix(before): value for name, value in run.data.params.items() if name.startswith(before)}


def _runs_of(client: "MlflowClient", key: str, made_from: Mapping[str, str], params: Params) -> "list[Run]":
    """Every run that recorded a network, the one that made it first."""
    facts = " and ".join(f"params.`{VERSION}/{name}` = '{value}'" for name, value in made_from.items())
    wanted, first = f"tags.round = '{key}' and {facts}", ["attributes.start_time ASC"]
    return list(client.search_runs([find_experiment(client, params)], wanted, order_by=first))


def _facts(parent: "Run") -> Iterator[str]:
    tags = parent.data.tags
    yield from (f"    {words} {tags[tag]}" for words, tag in TAGS.items() if tags.get(tag))


def _lies_elsewhere(client: "MlflowClient", run: "Run", params: Params) -> Iterator[str]:
    """A network that is not the one in its round's folder, and the experiments that have kept it."""
    key, made_from = run.data.tags["round"], _versions(run)
    runs = _runs_of(client, key, made_from, params) if made_from else [run]  # killed before it said of what
    parents = [client.get_run(each.data.tags[PARENT]) for each in runs]
    kept = [parent.data.tags["dvc.experiment"] for parent in parents if parent.data.tags.get("dvc.experiment")]
    back = f"`dvc exp apply {kept[-1]}` brings it back" if kept else "no DVC experiment has kept it"
    yield f"  not the network in {paths.model(key)}; {back}"
    yield from _facts(parents[0])


def name_network(key: str, weights: str) -> str:
    """A network, and whether the one that lies here has the weights that are meant."""
    now = file_hash(paths.model(key) / WEIGHTS)
    return f"{key} (weights {short(weights)}{'' if now == weights else '; ANOTHER network lies there now'})"


def short(value: str) -> str:
    """As much of a hash as tells it from others."""
    return value[:SHORT]
