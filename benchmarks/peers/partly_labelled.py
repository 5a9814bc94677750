"""The study's images as a student of one head meets them: with a label of it, without one, to be measured on."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from torch import Tensor

from benchmarks.peers.single_head import HEAD
from distillery.images.cells import labelled_cells
from distillery.images.store import ImageStore
from distillery.params import Params
from distillery.tables import POOL, READABLE, read_table
from distillery.training.batches import BatchPlan
from tasks.study import design
from tasks.support.training import PSEUDO_LABELLED

COLUMNS = ("image", "dataset", "split", "status", HEAD)


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """Rows to learn from, the labelled ones first.

    Attributes:
        positions: where each row's image lies in the store, int64 [rows].
        classes: of the labelled rows, int64 [labelled].
        plan: which rows make a batch: as a student's, less the sets that do not label the head.
    """

    positions: np.ndarray
    classes: Tensor
    plan: BatchPlan

    @property
    def hidden(self) -> int:
        """How many rows have no label."""
        return len(self.positions) - len(self.classes)

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """The labelled and the unlabelled rows of a step."""
        rows = self.plan.rows(step)
        return rows[rows < len(self.classes)], rows[rows >= len(self.classes)]


def read_learnt(params: Params, store: ImageStore) -> Learnt:
    """The sets that label the head and the pool, its labels hidden; what the ledger keeps out is left out of both."""
    kept_out = read_table(design.LEDGER, ["image", "kept_out"], only=pl.col("kept_out"))["image"].unique()
    usable = (pl.col("status") == READABLE) & ~pl.col("image").is_in(kept_out.implode())
    manifest = read_table(design.MANIFEST, COLUMNS, only=usable)
    pool = manifest.filter(pl.col("split").is_in(POOL)).unique("image", keep="first", maintain_order=True)
    mixing = {**params.teacher.mixing, PSEUDO_LABELLED: params.student.mixing[PSEUDO_LABELLED]}
    train = manifest.filter((pl.col("split") == "train") & pl.col("dataset").cast(pl.String).is_in(list(mixing)))
    hidden = pool.with_columns(pl.lit(None, dtype=manifest.schema[HEAD]).alias(HEAD))
    rows = pl.concat([train, hidden]).sort(pl.col(HEAD).is_null(), maintain_order=True)
    cells = labelled_cells(rows, params.learnt)
    source = (
        pl.when(pl.col("split") == "train").then(pl.col("dataset").cast(pl.String)).otherwise(pl.lit(PSEUDO_LABELLED))
    )
    sources = rows.select(source=source)["source"]
    groups = {name: (sources == name).arg_true().to_numpy().astype(np.int64) for name in mixing}
    return Learnt(
        positions=store.positions(rows["image"]),
        classes=cells.labels[HEAD][cells.weights[HEAD] > 0].argmax(dim=1),
        plan=BatchPlan(groups, mixing, batch=params.student.batch, seed=params.seed),
    )


def read_measured() -> list[pl.DataFrame]:
    """The distinct test images that have a label of the head, by data set."""
    wanted = (pl.col("status") == READABLE) & (pl.col("split") == "test") & pl.col(HEAD).is_not_null()
    parts = read_table(design.MANIFEST, COLUMNS, only=wanted).partition_by("dataset", maintain_order=True)
    return [part.unique("image", keep="first", maintain_order=True) for part in parts]
