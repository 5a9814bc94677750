"""What the numbers were computed on."""

from collections.abc import Mapping

import polars as pl

from distillery.tables import READABLE, SPLITS


def count_splits(manifest: pl.DataFrame) -> list[dict[str, object]]:
    """A row per data set: its domain, distinct readable images of each split, and files that were set aside.

    Args:
        manifest: columns ``image``, ``dataset``, ``domain``, ``split`` and ``status``.
    """
    found = []
    named = manifest.with_columns(pl.col("dataset", "domain", "split").cast(pl.String))
    for part in named.partition_by("dataset", maintain_order=True):
        readable = part.filter(pl.col("status") == READABLE)
        counts = {split: readable.filter(pl.col("split") == split)["image"].n_unique() for split in SPLITS}
        place = {"dataset": part["dataset"][0], "domain": part["domain"][0]}
        found.append({**place, "counts": counts, "aside": len(part) - len(readable)})
    return found


def count_twins(ledger: pl.DataFrame) -> dict[str, object]:
    """``copies``: rows of images that stand there before; ``twins``: near duplicates by where they and theirs are.

    Args:
        ledger: the table of ``tables.ledger_schema``.
    """
    near = ledger.filter(pl.col("kind") != "exact").with_columns(pl.col("^.*(dataset|split)|kind$").cast(pl.String))
    place = ["dataset", "split", "twin_dataset", "twin_split", "kind", "kept_out"]
    rows = near.group_by(place, maintain_order=True).agg(images=pl.col("image").n_unique())
    return {"copies": int((ledger["kind"] == "exact").sum()), "twins": rows.to_dicts()}


def list_hashes(cards: Mapping[str, Mapping[str, str]]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """What the models follow from: the names of all hashes, and by round each or a dash."""
    names = list(dict.fromkeys(name for provenance in cards.values() for name in provenance))
    return names, [(key, [provenance.get(name, "–") for name in names]) for key, provenance in cards.items()]
