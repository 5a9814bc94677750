"""What a round's MLflow run holds beside its metrics: figures, data sets, alarms, licences."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from distillery.files import file_hash
from distillery.params import TEACHER, Params
from distillery.reporting import results
from distillery.reporting.alarms import find_alarms
from distillery.reporting.figures import draw_confusion, draw_reliability
from distillery.tables import POOL
from tasks.support import paths
from tasks.support.evaluations import read_evaluation, stack_tables

if TYPE_CHECKING:
    from mlflow import MlflowClient


def figure_name(what: str, dataset: str, head: str) -> str:
    """The artifact that holds a picture."""
    return f"{what}/{dataset}-{head}.png"


def log_figures(client: "MlflowClient", run: str, evaluation: Path) -> None:
    """Confusion matrices and reliability diagrams of every data set and classification head."""
    for what, draw in (("confusion", draw_confusion), ("reliability", draw_reliability)):
        table = read_evaluation(evaluation, what)
        for part in table.partition_by("dataset", "head", maintain_order=True) if len(table) else []:
            dataset, head = part["dataset"][0], part["head"][0]
            client.log_figure(run, draw(part), figure_name(what, dataset, head))


def tag_alarms(client: "MlflowClient", run: str, rounds: list[str]) -> None:
    """Tag a round whose pseudo-labels are surer and less often right than those of the round before."""
    parts = results.by_place(stack_tables("audit", results.AUDIT, rounds))
    if alarms := [alarm for *_, part in parts for alarm in find_alarms(part)]:
        client.set_tag(run, "alarm", "; ".join(alarms))
    elif "alarm" in client.get_run(run).data.tags:
        client.delete_tag(run, "alarm")


def licences(params: Params, key: str) -> str:
    """The terms of the data sets whose images a round's network learnt from, as ``tracking.licences`` names them."""
    mixing = (params.teacher if key == TEACHER else params.student).mixing
    learnt = {name for name, share in mixing.items() if share}
    sets = params.manifest.datasets.items()
    if key != TEACHER:
        learnt |= {name for name, share in params.teacher.mixing.items() if share}  # through what it labelled
    if mixing.get("pseudo_labelled"):
        # Also the empty cells of labelled images.
        filled = {"train", *POOL}
        learnt |= {name for name, one in sets if any(filled & set(shares) for shares in one.splits.values())}
    return "; ".join(f"{name}: {params.tracking.licences.get(name, 'not said')}" for name, _ in sets if name in learnt)


def log_inputs(client: "MlflowClient", run: str, key: str, params: Params) -> None:
    """The tables that the round was made of, by their hashes."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    from distillery.images.store import ImageStore  # and with it torch: seconds to import

    hashes = {path: file_hash(path) for path in (paths.MANIFEST, paths.LEDGER)}
    hashes[paths.IMAGES] = ImageStore(paths.IMAGES).content_hash()
    if key != TEACHER:
        hashes[paths.pseudo_labels(key)] = file_hash(paths.pseudo_labels(key))
    inputs = []
    for path, digest in hashes.items():
        source = json.dumps({"uri": str(path)})
        dataset = Dataset(name=path.stem, digest=digest, source_type="local", source=source)
        inputs.append(DatasetInput(dataset, tags=[InputTag("mlflow.data.context", "training")]))
    client.log_inputs(run, datasets=inputs)
