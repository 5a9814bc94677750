"""The models in MLflow: each network logged once, a registered version for each round, and who is champion and
challenger among them."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from distillery.files import file_hash
from distillery.networks.card import WEIGHTS
from distillery.params import Params
from tasks.support import paths
from tasks.support.provenance import code_hash
from tasks.support.record import find_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient

OF_RUN = ("round", "teacher", "data", "licence")  # tags that a version has from its run
CHAMPION, CHALLENGER = "champion", "challenger"
WEIGHTS_TAG = "weights"  # their hash: a run may be given other weights, and the same weights stand in several runs
SERVED_TAG = "served"  # a hash of what else its answers hang on
ANSWERING, EXPORTED = "model", "network"  # what tasks/support/models.py logs of a network; the first is registered
SERVED = ("tasks/support/served.py", "distillery/images", "distillery/networks", "distillery/heads.py")


def log_network(client: "MlflowClient", run: str, key: str, params: Params) -> str:
    """Log a round's network as MLflow models, once: a run that finds it logged by another one names the same two.

    Returns:
        The id of the one that answers on image files.
    """
    from mlflow.entities import LoggedModelOutput

    tags = _tags(key, params)
    if not (models := _logged(client, tags, params)):
        from tasks.support.models import log_models  # seconds to import

        log_models(run, paths.model(key), params, tags)
        models = _logged(client, tags, params)
    outputs = client.get_run(run).outputs
    named = {output.model_id for output in outputs.model_outputs} if outputs else set()  # MLflow refuses a second time
    if more := [LoggedModelOutput(model, step=0) for model in models.values() if model not in named]:
        client.log_outputs(run, more)
    return models[ANSWERING]


def _logged(client: "MlflowClient", tags: Mapping[str, str], params: Params) -> dict[str, str]:
    """By name, the ids of the two models that answer by these weights and this code; none where one of them lacks."""
    same = " AND ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())
    found = client.search_logged_models([find_experiment(client, params)], same)
    ready = {model.name: model.model_id for model in reversed(found) if str(model.status) == "READY"}
    return ready if set(ready) == {ANSWERING, EXPORTED} else {}


def record_champion(client: "MlflowClient", runs: Mapping[str, str], models: Mapping[str, str], params: Params) -> None:
    """Register every round's logged model and give the aliases away; nothing without a promotion of these very rounds.

    The challenger is the last round, where it is not the champion itself.

    Args:
        runs: by round, in order, its run's id.
        models: by round, what ``log_network`` gives.
    """
    promotion = json.loads(paths.PROMOTION.read_text()) if paths.PROMOTION.is_file() else {}
    if promotion.get("evaluations") != {key: file_hash(paths.metrics(key)) for key in runs}:
        return
    name = params.tracking.experiment
    versions = {key: _version(client, key, model, params) for key, model in models.items()}
    for key, version in versions.items():
        known = client.get_run(runs[key]).data.tags
        tags = {tag: known[tag] for tag in OF_RUN if tag in known} | _verdict(promotion["rounds"].get(key))
        for tag, value in tags.items():
            client.set_model_version_tag(name, version, tag, value)
    champion, last = promotion["champion"], list(runs)[-1]
    client.set_registered_model_alias(name, CHAMPION, versions[champion])
    if last != champion:
        client.set_registered_model_alias(name, CHALLENGER, versions[last])
    elif CHALLENGER in client.get_registered_model(name).aliases:
        client.delete_registered_model_alias(name, CHALLENGER)
    print(f"mlflow: {name}@{CHAMPION} is round {champion}", flush=True)


def _verdict(found: Mapping | None) -> dict[str, str]:
    """Whether a round was promoted, and what it failed."""
    if found is None:
        return {}
    failed = [f"{clause}: {facts['found']}" for clause, facts in found["clauses"].items() if not facts["holds"]]
    return {"promoted": "yes" if found["promoted"] else "no", "failed": "; ".join(failed) or "nothing"}


def versions_of(client: "MlflowClient", name: str, weights: str) -> list:
    """The versions of a registered model that have some weights, by their hash."""
    return list(client.search_model_versions(f"name = '{name}' and tags.`{WEIGHTS_TAG}` = '{weights}'"))


def how_served(params: Params) -> str:
    """A hash of the code and the limits by which a registered model reads images."""
    limits = f"{params.manifest.min_side} {params.manifest.max_pixels}"
    return hashlib.blake2b(f"{code_hash(SERVED)} {limits}".encode(), digest_size=16).hexdigest()


def _tags(key: str, params: Params) -> dict[str, str]:
    """What tells apart the models that are logged of networks."""
    return {WEIGHTS_TAG: file_hash(paths.model(key) / WEIGHTS), SERVED_TAG: how_served(params)}


def _version(client: "MlflowClient", key: str, model: str, params: Params) -> str:
    """The version that has a round's weights and answers by today's code, which is registered where it is not."""
    import mlflow

    name, tags = params.tracking.experiment, _tags(key, params)
    for version in versions_of(client, name, tags[WEIGHTS_TAG]):
        if version.tags.get(SERVED_TAG) == tags[SERVED_TAG]:
            return str(version.version)
    return str(mlflow.register_model(f"models:/{model}", name, tags=tags).version)
