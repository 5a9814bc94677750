"""The registered model: a version for each round, and who is champion and challenger among them."""

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from distillery.files import file_hash
from distillery.networks.model import WEIGHTS
from distillery.params import Params
from tasks.support import paths

if TYPE_CHECKING:
    from mlflow import MlflowClient

OF_RUN = ("round", "teacher", "data", "licence")  # tags that a version has from its run
CHAMPION, CHALLENGER = "champion", "challenger"
WEIGHTS_TAG = "weights"  # their hash: a run may be given other weights, and the same weights stand in several runs


def record_champion(client: "MlflowClient", runs: Mapping[str, str], params: Params) -> None:
    """Register every round's logged model and give the aliases away; nothing without a promotion of these very rounds.

    The challenger is the last round, where it is not the champion itself.

    Args:
        runs: by round, in order, its run's id.
    """
    promotion = json.loads(paths.PROMOTION.read_text()) if paths.PROMOTION.is_file() else {}
    if promotion.get("evaluations") != {key: file_hash(paths.metrics(key)) for key in runs}:
        return
    name = params.tracking.experiment
    versions = {key: _version(client, name, key, run) for key, run in runs.items()}
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


def _version(client: "MlflowClient", name: str, key: str, run: str) -> str:
    """The version that has a round's weights, which are registered where they are not."""
    import mlflow

    weights = file_hash(paths.model(key) / WEIGHTS)
    if found := versions_of(client, name, weights):
        return str(found[0].version)
    # A model is no artifact of its run since MLflow 3, which it finds all the same and warns of each time.
    logging.getLogger("mlflow.tracking._model_registry.fluent").setLevel(logging.ERROR)
    return str(mlflow.register_model(f"runs:/{run}/model", name, tags={WEIGHTS_TAG: weights}).version)
