"""What ``mlflow models serve`` runs: image files in, what every head says of them out.

MLflow copies this file and the library beside the weights, so that a registered model needs nothing of the project.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import torch
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from torch import Tensor

from distillery.heads import Classification, LearntHeads, names
from distillery.images.decoding import UnreadableImageError, decode, fit
from distillery.images.transforms import to_float
from distillery.networks.model import load_model
from distillery.networks.multihead import decode_all

IMAGE = "image"  # the column of files' bytes
BATCH = 256
Decoded = Mapping[str, tuple[Tensor, Tensor | None]]


class Student(PythonModel):
    """Decodes and frames as the pipeline does, then asks the network once, without an ensemble."""

    def load_context(self, context: PythonModelContext) -> None:
        self.network, self.card = load_model(Path(context.artifacts["model"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """A row for each image: the columns of ``columns``.

        Raises:
            MlflowException: a picture cannot be read; names its row.
        """
        images = [self._read(row, data, context.model_config) for row, data in enumerate(model_input[IMAGE])]
        with torch.inference_mode():
            parts = [self._answer(np.stack(images[at : at + BATCH])) for at in range(0, len(images), BATCH)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns(self.card.heads))

    def _read(self, row: int, data: bytes, limits: dict[str, Any]) -> np.ndarray:
        if not isinstance(data, bytes):
            raise MlflowException(f"row {row}: {type(data).__name__}, not the bytes of a file", INVALID_PARAMETER_VALUE)
        try:
            return fit(decode(data, min_side=limits["min_side"], max_pixels=limits["max_pixels"]), self.card.size)
        except UnreadableImageError as error:
            raise MlflowException(f"row {row}: {error}", INVALID_PARAMETER_VALUE) from None

    def _answer(self, pixels: np.ndarray) -> pd.DataFrame:
        heads = self.card.heads
        decoded = decode_all(heads, self.network(to_float(torch.from_numpy(pixels))))
        table = pd.DataFrame(in_a_row(heads, decoded).double().numpy(), columns=numbers(heads))
        for name, head in decided(heads).items():
            table[name] = np.array(head.classes)[decoded[name][0].argmax(dim=1).numpy()]
        return table


def in_a_row(heads: LearntHeads, decoded: Decoded) -> Tensor:
    """What ``decode_all`` gives, float [images, numbers], in the order of ``numbers``."""
    return torch.cat([decoded[name][0] for name in heads], dim=1)


def numbers(heads: LearntHeads) -> list[str]:
    """What each number of an answer is: the probability of a class or element, or a number in the head's units."""
    return [f"{name}/{value}" for name, head in heads.items() for value in names(head)]


def decided(heads: LearntHeads) -> dict[str, Classification]:
    """The heads whose likeliest class is also named."""
    return {name: head for name, head in heads.items() if isinstance(head, Classification)}


def columns(heads: LearntHeads) -> list[str]:
    """Of an answer: every number, then the decisions."""
    return [*numbers(heads), *decided(heads)]


mlflow.models.set_model(Student())
