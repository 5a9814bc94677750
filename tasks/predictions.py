"""Reads the images and a round's teacher; writes ``data/rounds/<round>/predictions/``: every unlabelled cell.

And every cell of the validation split, by which confidence is calibrated.
"""

from pathlib import Path

import polars as pl

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.heads import Heads
from distillery.images.store import ImageStore
from distillery.labelling.adaptive import Adaptive
from distillery.labelling.inference import predict_shards
from distillery.labelling.views import check_views
from distillery.networks.card import CARD, WEIGHTS
from distillery.networks.model import load_model
from distillery.params import Params
from distillery.tables import POOL, READABLE, read_table
from tasks.support import paths
from tasks.support.command import run_keyed_stage
from tasks.support.inference import inference
from tasks.support.machine import describe_machine, prepare_machine
from tasks.support.progress import Progress
from tasks.support.provenance import stage_code
from tasks.support.resuming import resumable_folder

PREDICTED = ("train", "val", *POOL)


def write_predictions(key: str, params: Params) -> Path:
    """Predict the empty cells of the train split, every cell of the pool and of the validation split.

    Interrupted, it keeps its finished shards for the next call, unless the teacher, the images, the views, the code or
    the machine are others by then.

    Raises:
        DistilleryError: a head forbids a view, or the teacher's heads are not those of the parameters.
    """
    section, teacher = params.predictions, paths.model(params.rounds[key].teacher)
    network, card = load_model(teacher)
    how = inference(section, params.device, network)
    check_views(how.views, params.learnt)
    if card.heads != params.learnt:
        raise DistilleryError(f"{teacher / CARD}: other heads than params.yaml declares; train the network again")
    usable = (pl.col("status") == READABLE) & pl.col("split").is_in(PREDICTED)
    rows = read_table(paths.MANIFEST, ["image", "domain", "split", "status", *params.distilled], only=usable)
    wanted = empty_cells(rows, params.distilled)
    if not len(wanted):
        raise DistilleryError(f"{paths.MANIFEST}: no usable image in the splits {PREDICTED}: there is nothing to label")
    store = ImageStore(paths.IMAGES)
    made_from = {"teacher": file_hash(teacher / WEIGHTS), "images": store.content_hash()}
    conditions = {**describe_machine(params, how.bf16), "code": stage_code("predictions")}
    with resumable_folder(paths.predictions(key)) as unfinished:
        predict_shards(
            network,
            params.distilled,
            store,
            wanted,
            unfinished,
            how=how,
            shard=section.shard,
            provenance={**made_from, **conditions},
            progress=Progress(f"{key}: predictions, {len(how.views)} views", len(wanted)),
            adaptive=None if section.ensemble == "full" else Adaptive(**section.ensemble.model_dump()),
            by_domain=section.statistics == "domain",
        )
    if section.ensemble != "full":
        seen = read_table(paths.predictions(key), ["views"])["views"].to_numpy()
        print(f"{key}: {seen.mean():.1f} of {len(how.views)} views an image, the pilot included")
    return paths.predictions(key)


def empty_cells(manifest: pl.DataFrame, heads: Heads) -> pl.DataFrame:
    """Per distinct image with an empty cell, its domain and, by head, whether no training label fills its cell."""
    empty = [(pl.col(name).is_null() | (pl.col("split") != "train")).all().alias(name) for name in heads]
    found = manifest.group_by("image", maintain_order=True).agg(pl.col("domain").first().cast(pl.String), *empty)
    return found.filter(pl.any_horizontal(*heads))


def main(params: Params, key: str) -> None:
    prepare_machine(params)
    write_predictions(key, params)


if __name__ == "__main__":
    run_keyed_stage(main)
