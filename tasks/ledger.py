"""Reads the manifest and the images; writes ``data/ledger.parquet``: which images stand twice, and what follows.

Exact copies share a split already (the manifest sees to it). Near duplicates, of an image that is learnt from and one
that is measured on, are kept out of training. A student learns from audit images too, by its teacher's labels.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from distillery.images.crops import find_crops
from distillery.images.store import ImageStore
from distillery.images.twins import find_twins
from distillery.params import Params
from distillery.tables import POOL, READABLE, ledger_schema, read_table, write_table
from tasks.support import paths
from tasks.support.command import run_stage
from tasks.support.machine import prepare_machine
from tasks.support.progress import Progress

# What is learnt from, and what of it must know nothing.
PAIRS = ((("train", *POOL), ("test", "val")), (("train", "unlabelled"), ("audit",)))
PLACE = ("dataset", "split")


def write_ledger(path: Path, manifest: Path, store: Path, *, similarity: float, crops: bool, keep_out: bool) -> Path:
    """List exact copies, and near duplicates between what is learnt from and what is measured on.

    Args:
        similarity: the correlation of two pictures from which on they are near duplicates.
        crops: whether those of which one shows a part of the other are looked for, too.
        keep_out: whether those that are learnt from are to be left out of it.
    """
    rows = read_table(manifest, ["image", *PLACE, "status"], only=pl.col("status") == READABLE)
    rows = rows.select("image", *(pl.col(name).cast(pl.String) for name in PLACE))
    first = rows["image"].is_first_distinct()
    places, further = rows.filter(first), rows.filter(~first)
    copies = _copies(further, places)
    pictures = ImageStore(store)
    sides = [[places.filter(pl.col("split").is_in(splits))["image"] for splits in pair] for pair in PAIRS]
    both = pl.concat([twins_of(pictures, *side, similarity=similarity, crops=crops) for side in sides])
    # The whole picture comes before a part of it.
    twins = both.sort("image", "kind", "similarity", descending=[False, True, True]).unique(
        "image", keep="first", maintain_order=True
    )
    near = (
        twins.join(places, on="image", maintain_order="left")
        .join(places.select(twin="image", twin_dataset="dataset", twin_split="split"), on="twin", maintain_order="left")
        .with_columns(kept_out=pl.lit(keep_out))
    )
    columns = ledger_schema().names
    found = pl.concat([copies.select(columns), near.select(columns)])
    for line in _summary(found):
        print(f"ledger: {line}")
    return write_table(found.to_arrow(), ledger_schema(), path)


def twins_of(
    store: ImageStore, images: pl.Series, others: pl.Series, *, similarity: float, crops: bool
) -> pl.DataFrame:
    """A twin among the others of each image that has one; ``kind`` is ``near`` or, if they are wanted, ``crop``."""
    found = find_twins(store, images, others, similarity=similarity).with_columns(kind=pl.lit("near"))
    if not crops:
        return found
    rest = images.filter(~images.is_in(found["image"].implode()))
    cut = find_crops(store, rest, others, progress=Progress("ledger: crops", len(rest)))
    return pl.concat([found, cut.with_columns(kind=pl.lit("crop"))])


def _copies(further: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Every further row of an image beside its first one."""
    beside = places.filter(pl.col("image").is_in(further["image"].implode()))
    beside = beside.select("image", twin_dataset="dataset", twin_split="split")
    return further.join(beside, on="image", maintain_order="left").with_columns(
        kind=pl.lit("exact"), twin=pl.col("image"), similarity=pl.lit(1.0, dtype=pl.Float32),
        mirrored=pl.lit(False), kept_out=pl.lit(False),
    )  # fmt: skip


def _summary(found: pl.DataFrame) -> Iterator[str]:
    exact, twins = (found.filter((pl.col("kind") == "exact") == same) for same in (True, False))
    yield f"{len(exact):,} exact copies of images, each in the split of the first"
    yield f"{twins['image'].n_unique():,} images that are learnt from have a near duplicate among the measured ones"
    by = [*PLACE, "twin_dataset", "twin_split", "kind"]
    for (*place, twin_dataset, twin_split, kind), part in twins.group_by(by, maintain_order=True):
        kept = "kept out of training" if part["kept_out"].any() else "NOT kept out of training"
        twin = {"near": "a twin", "crop": "a crop or what it was cut from"}[str(kind)]
        where = f"of {place[0]}, {place[1]}, with {twin} in {twin_dataset}, {twin_split}"
        yield f"  {part['image'].n_unique():,} {where}: {kept}"


def main(
    params: Params, path: Path = paths.LEDGER, manifest: Path = paths.MANIFEST, store: Path = paths.IMAGES
) -> None:
    prepare_machine(params)
    write_ledger(path, manifest, store, **params.ledger.model_dump())


if __name__ == "__main__":
    run_stage(main)
