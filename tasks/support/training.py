"""What the teacher and every student share: the same training with other inputs."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from distillery.errors import DistilleryError
from distillery.files import file_hash, whole_folder
from distillery.heads import Classification, LearntHeads
from distillery.images.cells import Cells, fill_empty, labelled_cells
from distillery.images.store import ImageStore
from distillery.networks.card import CARD, WEIGHTS, Card
from distillery.networks.model import load_model, save_model, start_from
from distillery.networks.multihead import MultiHead
from distillery.params import TEACHER, Params
from distillery.params.couplings import Coupling
from distillery.params.training import PseudoLearning, Training
from distillery.tables import KEPT, NEGATIVE, POOL, READABLE, read_table, write_table
from distillery.training import settings
from distillery.training.batches import BatchPlan
from distillery.training.checkpoint import remove_checkpoint
from distillery.training.examples import Examples
from distillery.training.fit import fit
from distillery.training.settings import Settings
from tasks.support import paths, tracking
from tasks.support.augmentation import make_strengths
from tasks.support.command import stopping_gently
from tasks.support.couplings import co_annotated, make_couplings
from tasks.support.machine import describe_machine, prepare_machine, use_bf16
from tasks.support.progress import Pace
from tasks.support.provenance import stage_code

PSEUDO_LABELLED = "pseudo_labelled"


@dataclass(frozen=True, kw_only=True)
class PseudoLabelled:
    """A round's pseudo-labels and how they are learnt."""

    path: Path
    soft: dict[str, bool]
    learning: PseudoLearning


def train(
    key: str, params: Params, training: Training, pseudo: PseudoLabelled | None = None, start: Path | None = None
) -> Path:
    """Train a network and write its model folder.

    Args:
        start: the model folder whose weights it begins with; None begins with initial ones.

    Raises:
        DistilleryError: an artefact is missing or damaged, or the mixing names a data set without images.
    """
    prepare_machine(params)
    torch.manual_seed(params.seed)
    manifest, store = _usable(paths.MANIFEST, paths.LEDGER), ImageStore(paths.IMAGES)
    labelled = manifest.filter(pl.col("split") == "train")
    couplings = make_couplings(labelled_cells(labelled, params.learnt), training.couplings, params.learnt)
    rows, examples = _training_examples(manifest, store, params, pseudo, training.couplings)
    shape = params.network.model_dump(include={"backbone", "width"})
    shape |= training.model_dump(include={"dropout", "stochastic_depth"})
    network = MultiHead(params.learnt, **shape, size=store.size)
    if start is not None:
        _start_from_model(network, start)
    elif params.network.pretrained is not None:
        start_from(network.backbone, Path(params.network.pretrained.path), params.network.pretrained.blake2b)
    bf16 = use_bf16(training.bf16, params.device, network)
    facts = _provenance(params, training, pseudo, start, store) | describe_machine(params, bf16)
    facts["code"] = stage_code("teacher" if key == TEACHER else "student")
    checkpoint = paths.CHECKPOINTS / f"{key}.safetensors"
    with stopping_gently() as stop, tracking.live_run(params, key, facts) as log_epoch:
        records = fit(
            network,
            params.learnt,
            store,
            examples,
            _validation_examples(manifest, store, params.learnt),
            plan=BatchPlan(_groups(rows), training.mixing, batch=training.batch, seed=params.seed),
            strengths=make_strengths(training.augmentation),
            settings=_settings(training, bf16, pseudo),
            seed=params.seed,
            device=params.device,
            checkpoint=checkpoint,
            key=hashlib.blake2b(json.dumps(facts, sort_keys=True).encode()).hexdigest(),
            couplings=couplings,
            stop=stop,
        )
        history = []
        for record in _with_progress(records, key, training):
            history.append(record)
            log_epoch(record)
    with whole_folder(paths.model(key)) as folder:
        save_model(folder, network.cpu(), Card(heads=params.learnt, **shape, size=store.size, provenance=facts))
        epochs = pl.DataFrame(history).to_arrow()
        write_table(epochs, epochs.schema, folder / "history.parquet")
    remove_checkpoint(checkpoint)
    return paths.model(key)


def _usable(manifest: Path, ledger: Path) -> pl.DataFrame:
    """The readable rows of the manifest, without images whose near duplicates are measured on."""
    kept_out = read_table(ledger, ["image", "kept_out"], only=pl.col("kept_out"))["image"].unique()
    readable = (pl.col("status") == READABLE) & ~pl.col("image").is_in(kept_out.implode())
    return read_table(manifest, only=readable)


def _training_examples(
    manifest: pl.DataFrame,
    store: ImageStore,
    params: Params,
    pseudo: PseudoLabelled | None,
    couplings: Sequence[Coupling],
) -> tuple[pl.DataFrame, Examples]:
    """The rows to learn from: the train split, and with pseudo-labels the pool, its own labels hidden.

    What co-annotation implies comes before what a teacher supposes.
    """
    heads, distilled = params.learnt, params.distilled
    labelled = manifest.filter(pl.col("split") == "train")
    if pseudo is None:
        return labelled, _examples(labelled, store, co_annotated(labelled_cells(labelled, heads), couplings, heads))
    needed = [f"{name}_{what}" for name in distilled for what in ("soft", "weight", "reason")]
    needed += [f"{name}_negative" for name, head in distilled.items() if isinstance(head, Classification)]
    table = read_table(pseudo.path, ["image", *needed])
    kept = table.filter(pl.any_horizontal(pl.col(f"{name}_reason").is_in([KEPT, NEGATIVE]) for name in distilled))
    hidden = [pl.lit(None, dtype=manifest.schema[name]).alias(name) for name in heads]
    pool = manifest.filter(pl.col("split").is_in(POOL)).with_columns(hidden)
    pool = pool.unique("image", keep="first", maintain_order=True)
    rows = pl.concat([labelled, pool.join(kept.select("image"), on="image", how="semi", maintain_order="left")])
    cells = co_annotated(labelled_cells(rows, heads), couplings, heads)
    how = pseudo.learning.model_dump(include={"weight", "temperature"})
    cells = fill_empty(cells, table, rows["image"], distilled, soft=pseudo.soft, **how)
    return rows, _examples(rows, store, cells)


def _validation_examples(manifest: pl.DataFrame, store: ImageStore, heads: LearntHeads) -> Examples:
    rows = manifest.filter(pl.col("split") == "val")
    return _examples(rows, store, labelled_cells(rows, heads))


def _examples(rows: pl.DataFrame, store: ImageStore, cells: Cells) -> Examples:
    return Examples(positions=store.positions(rows["image"]), cells=cells)


def _groups(rows: pl.DataFrame) -> dict[str, np.ndarray]:
    """What batches are mixed of: the labelled rows of each data set, and all of the pool together."""
    group = (
        pl.when(pl.col("split") == "train").then(pl.col("dataset").cast(pl.String)).otherwise(pl.lit(PSEUDO_LABELLED))
    )
    numbered = rows.select(group.alias("group")).with_row_index()
    return {str(key[0]): part["index"].to_numpy().astype(np.int64) for key, part in numbered.group_by("group")}


def _settings(training: Training, bf16: bool, pseudo: PseudoLabelled | None) -> Settings:
    found = training.model_dump(include=set(Settings.__annotations__)) | {"bf16": bf16}
    if pseudo is not None:
        found["pseudo"] = settings.PseudoLearning(**pseudo.learning.model_dump(exclude={"weight"}))
    return Settings(**found)


def _start_from_model(network: MultiHead, folder: Path) -> None:
    try:
        network.load_state_dict(load_model(folder)[0].state_dict())
    except RuntimeError as error:
        raise DistilleryError(
            f"{folder / CARD}: another network than params.yaml describes, so student.start cannot be teacher ({error})"
        ) from error


def _provenance(
    params: Params, training: Training, pseudo: PseudoLabelled | None, start: Path | None, store: ImageStore
) -> dict[str, str]:
    """Hashes of all that a model follows from."""
    chosen = params.model_dump_json(include={"seed", "heads", "network"}) + training.model_dump_json()
    found = {
        "params": hashlib.blake2b(chosen.encode(), digest_size=16).hexdigest(),
        "manifest": file_hash(paths.MANIFEST),
        "ledger": file_hash(paths.LEDGER),
        "images": store.content_hash(),
    }
    found |= {} if pseudo is None else {"pseudo_labels": file_hash(pseudo.path)}
    return found if start is None else {**found, "start": file_hash(start / WEIGHTS)}


def _with_progress(records: Iterator[dict[str, float]], key: str, training: Training) -> Iterator[dict[str, float]]:
    pace = Pace()
    for number, record in enumerate(records, start=1):
        rate = pace.at(number * training.steps_per_epoch * training.batch)
        speed = f", {rate:,.0f} images a second" if rate else ""
        scores = ", ".join(f"{k.split('/')[1]} {v:.3f}" for k, v in record.items() if k.startswith("val_score/"))
        print(f"{key}: epoch {number} of {training.epochs}{speed}; validation {scores}", flush=True)
        yield record
