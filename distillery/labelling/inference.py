"""Predictions in fixed shards: a shard is done when its file exists with the right fingerprint."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from distillery.errors import DistilleryError
from distillery.files import keep_parts, part_path
from distillery.heads import Heads
from distillery.images.store import ImageStore
from distillery.labelling.adaptive import FEW, Adaptive, AdaptivePredictor
from distillery.labelling.by_domain import ByDomain, with_statistics_of
from distillery.labelling.found import Ensemble, Found, as_columns
from distillery.labelling.predictor import Inference, Predictor
from distillery.networks.multihead import MultiHead
from distillery.parquet import as_column
from distillery.tables import predictions_schema, read_metadata, read_table, write_table

FINGERPRINT = "distillery.fingerprint"
STOPPING = "distillery.stopping"  # in which order views were taken, and when an image was done
SUFFIX = ".parquet"


def predict_shards(
    network: MultiHead,
    heads: Heads,
    store: ImageStore,
    wanted: pl.DataFrame,
    folder: Path,
    *,
    how: Inference,
    shard: int,
    provenance: Mapping[str, str],
    progress: Callable[[int], None],
    adaptive: Adaptive | None = None,
    by_domain: bool = False,
) -> Path:
    """Predict every empty cell and write ``folder/00000.parquet`` and so on; shards that are there are kept.

    Args:
        wanted: columns ``image``, ``domain`` and, by head, whether its cell is empty and so to be predicted.
        shard: images a file.
        provenance: hashes of what made the predictions; written into each shard and part of its fingerprint.
        progress: called with the number of images done.
        adaptive: how views are saved; None shows every image to all.
        by_domain: whether each domain is seen with batch statistics of its own.
    """

    def make(network: MultiHead, rows: pl.DataFrame) -> Ensemble:
        predictor = Predictor(network, heads, store, how)
        if adaptive is None or len(rows) < FEW:
            return Full(predictor, len(how.views))
        return AdaptivePredictor(predictor, heads, how.views, adaptive, adaptive.pilot_of(rows))

    def make_own(rows: pl.DataFrame) -> Ensemble:
        return make(with_statistics_of(rows["image"], network, store, how), rows)

    ensemble = ByDomain(make_own, wanted) if by_domain else make(network, wanted)
    facts: list[object] = [dict(provenance), [[view.kind, view.amount] for view in how.views]]
    # Sizes of forward passes decide how sums round.
    facts += [how.bf16, how.batch, how.together, how.compile]
    if adaptive is not None or by_domain:  # a shard then depends on images of others
        everything = hashlib.blake2b(wanted.write_csv().encode(), digest_size=16).hexdigest()
        facts += [asdict(adaptive) if adaptive else None, by_domain, everything]
    conditions, done = json.dumps(facts, sort_keys=True).encode(), 0
    for number, rows in enumerate(wanted.iter_slices(shard)):
        path = part_path(folder, number, SUFFIX)
        notes = {**provenance, FINGERPRINT: _fingerprint(rows, conditions)}
        if not _is_done(path, notes[FINGERPRINT]):
            found = ensemble.predict(rows)
            write_table(_table(heads, rows, found), predictions_schema(heads), path, notes | {STOPPING: found.note})
        done += len(rows)
        progress(done)
    keep_parts(folder, len(range(0, len(wanted), shard)), SUFFIX)
    return folder


class Full:
    """Every view of every image."""

    def __init__(self, predictor: Predictor, views: int) -> None:
        self._predictor, self._views = predictor, views

    def predict(self, rows: pl.DataFrame) -> Found:
        """Rows with ``image``."""
        columns = as_columns(self._predictor.predict(rows["image"]))
        return Found(columns, np.full(len(rows), self._views, dtype=np.int16))


def _is_done(path: Path, fingerprint: str) -> bool:
    if not path.is_file():
        return False
    try:
        return read_metadata(path).get(FINGERPRINT) == fingerprint and len(read_table(path, ["image"])) > 0
    except DistilleryError:  # half-written or damaged: made again
        return False


def _fingerprint(rows: pl.DataFrame, conditions: bytes) -> str:
    digest = hashlib.blake2b(conditions, digest_size=16)
    digest.update(rows.write_csv().encode())
    return digest.hexdigest()


def _table(heads: Heads, rows: pl.DataFrame, found: Found) -> pa.Table:
    columns: dict[str, pa.Array] = {"image": rows["image"].to_arrow().cast(pa.string())}
    columns["views"] = pa.array(found.views)
    for name in heads:
        labelled = ~rows[name].to_numpy()
        for what, values in found.columns[name].items():
            column = name if what == "mean" else f"{name}_{what}"
            columns[column] = as_column(values.astype(np.float32), labelled)
    return pa.table(columns)
