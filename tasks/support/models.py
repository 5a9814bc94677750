"""A round's network as MLflow models: ``model`` answers on image files and is registered, ``network`` on arrays."""

import io
import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import mlflow
import pandas as pd
import torch
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema
from PIL import Image
from torch import Tensor, nn

import distillery
from distillery.heads import LearntHeads
from distillery.networks.card import Card
from distillery.networks.model import load_model
from distillery.networks.multihead import MultiHead, decode_all
from distillery.params import Params
from tasks.support import served
from tasks.support.registry import ANSWERING, EXPORTED

# Named, or MLflow infers them in a subprocess, 8 to 15 s; the library's own, and what reads image files.
PACKAGES = ("torch", "torchvision", "polars", "pyarrow", "pydantic", "pillow", "numpy", "pandas")
REQUIREMENTS = [f"{name}=={version(name).partition('+')[0]}" for name in PACKAGES]


class Exported(nn.Module):
    """The network without this project's code: float images [batch, 3, size, size] in 0..1 to all numbers in a row."""

    def __init__(self, network: MultiHead, heads: LearntHeads) -> None:
        super().__init__()
        self.network, self.heads = network, heads

    def forward(self, images: Tensor) -> Tensor:
        return served.in_a_row(self.heads, decode_all(self.heads, self.network(images)))


def log_models(run: str, folder: Path, params: Params, tags: Mapping[str, str]) -> None:
    """Both, each with an input example, its signature and these tags."""
    # The environment has no pip (uv made it), and MLflow would warn of that each time; and tell of each check.
    for told in ("mlflow.utils.environment", "mlflow.pyfunc"):
        logging.getLogger(told).setLevel(logging.ERROR)
    network, card = load_model(folder)
    metadata = {"columns": served.numbers(card.heads), "provenance": dict(card.provenance)}
    with mlflow.start_run(run_id=run):
        _log_answering(folder, card, params, metadata=metadata, tags=dict(tags))
        _log_exported(network, card, metadata=metadata, tags=dict(tags))


def _log_answering(folder: Path, card: Card, params: Params, **facts: dict) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (card.size, card.size), "grey").save(picture, "PNG")
    values = [ColSpec("double", name) for name in served.numbers(card.heads)]
    classes = [ColSpec("string", name) for name in served.decided(card.heads)]
    mlflow.pyfunc.log_model(
        name=ANSWERING,
        python_model=str(Path(served.__file__)),
        code_paths=[str(Path(distillery.__file__).parent)],
        artifacts={"model": str(folder)},
        model_config={"min_side": params.manifest.min_side, "max_pixels": params.manifest.max_pixels},
        signature=ModelSignature(Schema([ColSpec("binary", served.IMAGE)]), Schema([*values, *classes])),
        input_example=pd.DataFrame({served.IMAGE: [picture.getvalue()]}),
        pip_requirements=REQUIREMENTS,
        **facts,
    )


def _log_exported(network: MultiHead, card: Card, **facts: dict) -> None:
    exported = Exported(network, card.heads).eval()
    # Two images: with one the export would fix the batch size.
    example = torch.zeros(2, 3, card.size, card.size)
    with torch.inference_mode():
        signature = infer_signature(example.numpy(), exported(example).numpy())
    mlflow.pytorch.log_model(
        exported,
        name=EXPORTED,
        signature=signature,
        input_example=example.numpy(),
        pip_requirements=REQUIREMENTS[:1],
        **facts,
    )
