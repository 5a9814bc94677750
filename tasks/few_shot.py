"""Reads a round's model, the manifest and the images; writes ``data/rounds/<round>/few_shot.csv``: compounds learnt
from a few images of each class, and without learning, measured on the same other people.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from distillery.files import file_hash, part_path
from distillery.heads import Compound
from distillery.images.cells import labelled_cells
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.labelling.few_shot import FewShot, draw_shots, fine_tune, split_people
from distillery.metrics.score import score
from distillery.networks.card import WEIGHTS
from distillery.networks.model import load_model
from distillery.params import Params
from distillery.tables import READABLE, people, read_table
from tasks.support import paths
from tasks.support.augmentation import make_strengths
from tasks.support.command import run_keyed_stage
from tasks.support.machine import describe_machine, prepare_machine
from tasks.support.provenance import stage_code
from tasks.support.resuming import mark_of, read_part, resumable_parts, write_part
from tasks.support.written import write_csv, write_metrics

SCHEMA = pl.Schema(
    {"dataset": pl.String(), "head": pl.String(), "repeat": pl.Int64(), "shots": pl.Int64(), "metric": pl.String()}
    | {"value": pl.Float64()}
)
CHUNK = 256  # images of a forward pass


@dataclass(frozen=True)
class Trial:
    """So many images of each class to learn from, and the draw of the people that show them."""

    dataset: str
    head: str
    repeat: int
    shots: int


def write_few_shot(key: str, params: Params) -> Path:
    """Fine-tune a round's network for each compound head, number of shots and draw of people; 0 shots learn nothing.

    Raises:
        DistilleryError: a class has fewer images than shots.
    """
    store = ImageStore(paths.IMAGES)
    facts = (
        file_hash(paths.model(key) / WEIGHTS),
        file_hash(paths.MANIFEST),
        store.content_hash(),
        params.model_dump_json(include={"heads", "few_shot", "seed", "teacher"}),
        describe_machine(params, bf16=False),
        stage_code("few_shot"),
    )
    found: list[dict] = []
    with resumable_parts(f"{key}-few_shot") as folder:
        for number, (trial, rows) in enumerate(_trials(params)):
            mark, path = mark_of(*facts, trial), part_path(folder, number, ".json")
            part = read_part(path, mark)
            if part is None:
                part = {"scores": _measure(key, params, trial, rows, store)}
                write_part(path, mark, part)
            found += [{**asdict(trial), "metric": metric, "value": value} for metric, value in part["scores"].items()]
            print(f"{key}: {trial.head} of {trial.dataset} from {trial.shots} images a class, measured", flush=True)
    return _write(key, pl.DataFrame(found, schema=SCHEMA))


def _trials(params: Params) -> Iterator[tuple[Trial, pl.DataFrame]]:
    """With the labelled test rows of the trial's data set."""
    manifest = read_table(paths.MANIFEST, only=(pl.col("status") == READABLE) & (pl.col("split") == "test"))
    for name, head in params.heads.items():
        labelled = manifest.filter(pl.col(name).is_not_null()) if isinstance(head, Compound) else manifest.clear()
        for rows in labelled.partition_by("dataset", maintain_order=True) if len(labelled) else []:
            rows = rows.unique("image", keep="first", maintain_order=True)
            for repeat, shots in product(range(params.few_shot.repeats), (0, *params.few_shot.shots)):
                yield Trial(rows["dataset"][0], name, repeat, shots), rows


def _measure(key: str, params: Params, trial: Trial, rows: pl.DataFrame, store: ImageStore) -> dict[str, float]:
    """Metrics on the people whom the trial does not learn from: the same for any number of shots."""
    section, head, seed = params.few_shot, params.heads[trial.head], params.seed + trial.repeat
    assert isinstance(head, Compound)
    cells = labelled_cells(rows, {trial.head: head})
    labels = cells.labels[trial.head].argmax(dim=1)
    seen = split_people(people(rows), seed)
    positions = store.positions(rows["image"])
    model = FewShot(load_model(paths.model(key))[0], head, params.heads, params.learnt).to(params.device)
    if trial.shots:
        pool = np.flatnonzero(seen)
        drawn = pool[draw_shots(labels.numpy()[pool], head.classes, trial.shots, seed)]
        fine_tune(
            model,
            store.gather(positions[drawn]).to(params.device),
            labels[drawn].to(params.device),
            steps=section.steps,
            batch=section.batch,
            learning_rate=section.learning_rate,
            strengths=make_strengths(params.teacher.augmentation),
            seed=seed,
        )
    measured = np.flatnonzero(~seen)
    values = _predict(model.eval(), store, positions[measured], params.device)
    return score(head, values, cells.labels[trial.head][measured], cells.weights[trial.head][measured])


@torch.inference_mode()
def _predict(model: FewShot, store: ImageStore, positions: np.ndarray, device: str) -> Tensor:
    parts = [positions[start : start + CHUNK] for start in range(0, len(positions), CHUNK)]
    found = [model(to_float(store.gather(part).to(device))).softmax(dim=1).cpu() for part in parts]
    return torch.cat(found)


def _write(key: str, found: pl.DataFrame) -> Path:
    means = found.group_by("dataset", "head", "shots", "metric", maintain_order=True).agg(pl.col("value").mean())
    nested: dict = {}
    for dataset, head, shots, metric, value in means.iter_rows():
        by_shots = nested.setdefault(dataset, {}).setdefault(head, {})
        by_shots.setdefault(f"{shots}_shots", {})[metric] = value
    write_csv(paths.few_shot(key).with_suffix(".csv"), found)
    write_metrics(paths.few_shot(key), nested)
    return paths.few_shot(key)


def main(params: Params, key: str) -> None:
    prepare_machine(params)
    write_few_shot(key, params)


if __name__ == "__main__":
    run_keyed_stage(main)
