"""Reads the images and a round's teacher; writes ``data/rounds/<round>/predictions/``: every unlabelled cell."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from distillery.errors import DistilleryError
from distillery.heads import Heads
from distillery.images.store import ImageStore
from distillery.labelling.inference import predict_shards
from distillery.labelling.views import View, check_views
from distillery.networks.model import WEIGHTS, file_hash, load_model
from distillery.params import Params
from distillery.tables import POOL, READABLE, read_table
from tasks.support import paths
from tasks.support.command import limit_threads, run_keyed_stage
from tasks.support.progress import Progress
from tasks.support.provenance import LABELLING, code_hash, machine

PREDICTED = ("train", *POOL)


def write_predictions(
    folder: Path,
    *,
    teacher: Path,
    manifest: Path,
    store: Path,
    heads: Heads,
    views: list[View],
    batch: int,
    shard: int,
    bf16: bool,
    device: str,
    conditions: Mapping[str, str],
) -> Path:
    """Predict the empty cells of the train split and every cell of the pool.

    Interrupted, it keeps its finished shards for the next call, unless the teacher, the images, the views or the
    ``conditions`` (code, machine) are others by then.

    Raises:
        DistilleryError: a head forbids a view, or the teacher's heads are not those of the parameters.
    """
    check_views(views, heads)
    network, card = load_model(teacher)
    if card.heads != heads:
        raise DistilleryError(f"{teacher}: was trained with other heads than params.yaml declares; train it again")
    wanted = empty_cells(read_table(manifest), heads)
    if not len(wanted):
        raise DistilleryError(f"{manifest}: no usable image in the splits {PREDICTED}: there is nothing to label")
    # DVC removes a stage's outputs before it runs: what is half done waits elsewhere, then moves in whole.
    unfinished = paths.CHECKPOINTS / f"{folder.parent.name}-predictions"
    predict_shards(
        network,
        heads,
        ImageStore(store),
        wanted,
        unfinished,
        views=views,
        batch=batch,
        shard=shard,
        bf16=bf16,
        device=device,
        provenance={"teacher": file_hash(teacher / WEIGHTS), "images": file_hash(store), **conditions},
        progress=Progress(f"{folder.parent.name}: predictions, {len(views)} views", len(wanted)),
    )
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return unfinished.rename(folder)


def empty_cells(manifest: pl.DataFrame, heads: Heads) -> pl.DataFrame:
    """Per distinct image of the predicted splits, by head, whether no training label fills its cell."""
    rows = manifest.filter((pl.col("status") == READABLE) & pl.col("split").is_in(PREDICTED))
    empty = [(pl.col(name).is_null() | (pl.col("split") != "train")).all().alias(name) for name in heads]
    return rows.group_by("image", maintain_order=True).agg(empty)


def main(params: Params, key: str) -> None:
    limit_threads(params.threads)
    section = params.predictions
    write_predictions(
        paths.predictions(key),
        teacher=paths.model(params.rounds[key].teacher),
        manifest=paths.MANIFEST,
        store=paths.IMAGES,
        heads=params.heads,
        views=[View(view.kind, view.amount) for view in section.views],
        batch=section.batch,
        shard=section.shard,
        bf16=section.bf16,
        device=params.device,
        conditions={**machine(params), "code": code_hash(LABELLING), "batch": str(section.batch)},
    )


if __name__ == "__main__":
    run_keyed_stage(main)
