"""What a network answers on labelled images, kept in parts: an evaluation that was stopped infers none again."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.files import keep_parts, part_path
from distillery.labelling.predictor import Predictor
from distillery.networks.safetensors import load_tensors, save_tensors
from tasks.support.progress import Progress
from tasks.support.resuming import mark_of

PART = 4096  # images
SUFFIX = ".safetensors"


def answer(
    predictor: Predictor, images: pl.Series, folder: Path, facts: Mapping[str, object], what: str
) -> dict[str, Tensor]:
    """``<head>.one_view`` and ``<head>.ensemble``, float [images, names], on the CPU.

    Args:
        folder: where the parts are kept.
        facts: what else the answers depend on; a part that was made from others is made again.
        what: for the progress.
    """
    folder.mkdir(exist_ok=True)
    progress, parts = Progress(what, len(images)), []
    for number, start in enumerate(range(0, len(images), PART)):
        part = images[start : start + PART]
        mark = mark_of(dict(facts), part.to_list()).encode()
        parts.append(_kept(part_path(folder, number, SUFFIX), mark) or _make(predictor, part, folder, number, mark))
        progress(start + len(part))
    keep_parts(folder, len(parts), SUFFIX)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _make(predictor: Predictor, images: pl.Series, folder: Path, number: int, mark: bytes) -> dict[str, Tensor]:
    found: dict[str, list[Tensor]] = {}
    for batch in predictor.predict(images):
        for name, result in batch.items():
            found.setdefault(f"{name}.one_view", []).append(result.single.cpu())
            found.setdefault(f"{name}.ensemble", []).append(result.mean.cpu())
    tensors = {name: torch.cat(values) for name, values in found.items()}
    save_tensors({**tensors, "mark": torch.tensor(list(mark), dtype=torch.uint8)}, part_path(folder, number, SUFFIX))
    return tensors


def _kept(path: Path, mark: bytes) -> dict[str, Tensor] | None:
    try:
        tensors = load_tensors(path) if path.is_file() else {}
    except DistilleryError:  # damaged: made again
        return None
    found = tensors.pop("mark", torch.empty(0, dtype=torch.uint8))
    return tensors if bytes(found.tolist()) == mark else None
