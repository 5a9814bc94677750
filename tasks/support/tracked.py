"""What a round's MLflow run holds beside numbers: figures, data sets, the model with its signature."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from distillery.files import file_hash
from distillery.heads import LearntHeads, names
from distillery.images.store import ImageStore
from distillery.networks.model import load_model
from distillery.networks.multihead import MultiHead, decode_all
from distillery.params import TEACHER, Params
from distillery.reporting import results
from distillery.reporting.alarms import find_alarms
from distillery.reporting.figures import draw_confusion, draw_reliability
from tasks.support import paths
from tasks.support.evaluations import read_evaluation, stack_tables

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Served(nn.Module):
    """The model as MLflow serves it: float images [batch, 3, size, size] in 0..1 to all values side by side."""

    def __init__(self, network: MultiHead, heads: LearntHeads) -> None:
        super().__init__()
        self.network, self.heads = network, heads

    def forward(self, images: Tensor) -> Tensor:
        decoded = decode_all(self.heads, self.network(images))
        return torch.cat([decoded[name][0] for name in self.heads], dim=1)


def served_columns(heads: LearntHeads) -> list[str]:
    """What each number of a served answer is."""
    return [f"{name}/{value}" for name, head in heads.items() for value in names(head)]


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


def log_inputs(client: "MlflowClient", run: str, key: str, params: Params) -> None:
    """The tables that the round was made of, by their hashes."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

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


def log_model(run: str, folder: Path) -> None:
    """The model with an input example and its signature, exported: usable without this project's code."""
    import mlflow
    from mlflow.models import infer_signature

    # The environment has no pip (uv made it), and MLflow would warn of that each time.
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)
    network, card = load_model(folder)
    served = Served(network, card.heads).eval()
    # Two images: with one the export would fix the batch size.
    example = torch.zeros(2, 3, card.size, card.size)
    with torch.inference_mode():
        signature = infer_signature(example.numpy(), served(example).numpy())
    with mlflow.start_run(run_id=run):
        mlflow.pytorch.log_model(
            served,
            name="model",
            signature=signature,
            input_example=example.numpy(),
            pip_requirements=["torch"],  # else MLflow infers them in a subprocess, 8 to 15 s
            metadata={"columns": served_columns(card.heads), "provenance": dict(card.provenance)},
        )
