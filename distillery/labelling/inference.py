"""Predictions in fixed shards: a shard is done when its file exists with the right fingerprint."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import torch
from torch import Tensor

from distillery.errors import DistilleryError
from distillery.heads import Heads, names
from distillery.images.store import ImageStore
from distillery.labelling.ensemble import Ensembled, predict
from distillery.labelling.views import View
from distillery.networks.multihead import MultiHead
from distillery.tables import predictions_schema, read_metadata, write_table

FINGERPRINT = "distillery.fingerprint"


def predict_shards(
    network: MultiHead,
    heads: Heads,
    store: ImageStore,
    wanted: pl.DataFrame,
    folder: Path,
    *,
    views: Sequence[View],
    batch: int,
    shard: int,
    bf16: bool,
    device: str,
    provenance: Mapping[str, str],
    progress: Callable[[int], None],
) -> Path:
    """Predict every empty cell and write ``folder/00000.parquet`` and so on; shards that are there are kept.

    Args:
        wanted: column ``image`` and, by head, whether its cell is empty and so to be predicted.
        shard: images a file.
        provenance: hashes of what made the predictions; written into each shard and part of its fingerprint.
        progress: called with the number of images done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    done = 0
    expected = set()
    for number, rows in enumerate(wanted.iter_slices(shard)):
        path = folder / f"{number:05d}.parquet"
        expected.add(path)
        notes = {**provenance, FINGERPRINT: _fingerprint(rows, views, provenance, bf16)}
        if not _is_done(path, notes[FINGERPRINT]):
            results = predict_images(
                network, heads, store, rows["image"], views=views, batch=batch, bf16=bf16, device=device
            )
            write_table(_table(heads, rows, _join(results), len(views)), predictions_schema(heads), path, notes)
        done += len(rows)
        progress(done)
    for stale in set(folder.glob("*.parquet")) - expected:
        stale.unlink()
    return folder


def predict_images(
    network: MultiHead,
    heads: Heads,
    store: ImageStore,
    images: pl.Series,
    *,
    views: Sequence[View],
    batch: int,
    bf16: bool,
    device: str,
) -> Iterator[dict[str, Ensembled]]:
    """Predict images of the store, a batch at a time, in order."""
    positions = store.positions(images.to_list())
    for start in range(0, len(positions), batch):
        pixels = store.gather(positions[start : start + batch]).to(device, non_blocking=True)
        yield predict(network, heads, pixels, views, bf16=bf16)


def _is_done(path: Path, fingerprint: str) -> bool:
    if not path.is_file():
        return False
    try:
        return read_metadata(path).get(FINGERPRINT) == fingerprint
    except DistilleryError:
        return False


def _fingerprint(rows: pl.DataFrame, views: Sequence[View], provenance: Mapping[str, str], bf16: bool) -> str:
    facts = [dict(provenance), [[view.kind, view.amount] for view in views], bf16]
    digest = hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16)
    digest.update(rows.write_csv().encode())
    return digest.hexdigest()


def _join(results: Iterator[dict[str, Ensembled]]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, list[Tensor]]] = {}
    for result in results:
        for name, found in result.items():
            for what in ("mean", "std", "agreement", "variance"):
                if (value := getattr(found, what)) is not None:
                    parts.setdefault(name, {}).setdefault(what, []).append(value.cpu())
    return {name: {what: torch.cat(values) for what, values in by.items()} for name, by in parts.items()}


def _table(heads: Heads, rows: pl.DataFrame, found: dict[str, dict[str, Tensor]], views: int) -> pa.Table:
    columns: dict[str, pa.Array] = {"image": rows["image"].to_arrow().cast(pa.string())}
    columns["views"] = pa.array(np.full(len(rows), views, dtype=np.int16))
    for name, head in heads.items():
        labelled = ~rows[name].to_numpy()
        for what, values in found[name].items():
            column = name if what == "mean" else f"{name}_{what}"
            columns[column] = _column(values.numpy().astype(np.float32), labelled, len(names(head)))
    return pa.table(columns)


def _column(values: np.ndarray, null: np.ndarray, width: int) -> pa.Array:
    if values.ndim == 1:
        return pa.array(values, mask=null)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), width, mask=pa.array(null))
