"""Predictions in fixed shards: a shard is done when its file exists with the right fingerprint."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from distillery.errors import DistilleryError
from distillery.files import keep_parts, part_path
from distillery.heads import Heads, names
from distillery.images.store import ImageStore
from distillery.labelling.adaptive import Adaptive, AdaptivePredictor, Columns
from distillery.labelling.ensemble import Ensembled
from distillery.labelling.predictor import Inference, Predictor
from distillery.networks.multihead import MultiHead
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
) -> Path:
    """Predict every empty cell and write ``folder/00000.parquet`` and so on; shards that are there are kept.

    Args:
        wanted: column ``image`` and, by head, whether its cell is empty and so to be predicted.
        shard: images a file.
        provenance: hashes of what made the predictions; written into each shard and part of its fingerprint.
        progress: called with the number of images done.
        adaptive: how views are saved; None shows every image to all.
    """
    predictor = Predictor(network, heads, store, how)
    saving, conditions = None, _conditions(how, provenance)
    if adaptive is not None:
        pilot = adaptive.pilot_of(wanted)
        saving = AdaptivePredictor(predictor, heads, how.views, adaptive, pilot)
        conditions += _conditions_of_saving(adaptive, pilot)
    done = 0
    for number, rows in enumerate(wanted.iter_slices(shard)):
        path = part_path(folder, number, SUFFIX)
        notes = {**provenance, FINGERPRINT: _fingerprint(rows, conditions)}
        if not _is_done(path, notes[FINGERPRINT]):
            if saving is None:
                found, views = _join(predictor.predict(rows["image"])), np.full(len(rows), len(how.views), np.int16)
            else:
                found, views = saving.predict(rows)
                notes |= {STOPPING: saving.stopping.in_words()}
            write_table(_table(heads, rows, found, views), predictions_schema(heads), path, notes)
        done += len(rows)
        progress(done)
    keep_parts(folder, len(range(0, len(wanted), shard)), SUFFIX)
    return folder


def _is_done(path: Path, fingerprint: str) -> bool:
    if not path.is_file():
        return False
    try:
        return read_metadata(path).get(FINGERPRINT) == fingerprint and len(read_table(path, ["image"])) > 0
    except DistilleryError:  # half-written or damaged: made again
        return False


def _conditions(how: Inference, provenance: Mapping[str, str]) -> bytes:
    """All that a shard's results follow from, but for its rows."""
    views = [[view.kind, view.amount] for view in how.views]
    # Sizes of forward passes decide how sums round.
    facts = [dict(provenance), views, how.bf16, how.batch, how.together, how.compile]
    return json.dumps(facts, sort_keys=True).encode()


def _conditions_of_saving(how: Adaptive, pilot: pl.DataFrame) -> bytes:
    return json.dumps([how.same, dict(how.around), pilot.write_csv()], sort_keys=True).encode()


def _fingerprint(rows: pl.DataFrame, conditions: bytes) -> str:
    digest = hashlib.blake2b(conditions, digest_size=16)
    digest.update(rows.write_csv().encode())
    return digest.hexdigest()


def _join(results: Iterator[dict[str, Ensembled]]) -> Columns:
    parts: dict[str, dict[str, list[np.ndarray]]] = {}
    for result in results:
        for name, found in result.items():
            for what in ("mean", "std", "agreement", "variance"):
                if (value := getattr(found, what)) is not None:
                    parts.setdefault(name, {}).setdefault(what, []).append(value.cpu().numpy())
    return {name: {what: np.concatenate(values) for what, values in by.items()} for name, by in parts.items()}


def _table(heads: Heads, rows: pl.DataFrame, found: Columns, views: np.ndarray) -> pa.Table:
    columns: dict[str, pa.Array] = {"image": rows["image"].to_arrow().cast(pa.string())}
    columns["views"] = pa.array(views)
    for name, head in heads.items():
        labelled = ~rows[name].to_numpy()
        for what, values in found[name].items():
            column = name if what == "mean" else f"{name}_{what}"
            columns[column] = _column(values.astype(np.float32), labelled, len(names(head)))
    return pa.table(columns)


def _column(values: np.ndarray, null: np.ndarray, width: int) -> pa.Array:
    if values.ndim == 1:
        return pa.array(values, mask=null)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), width, mask=pa.array(null))
