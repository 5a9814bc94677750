"""The manifest: every image of every data set with its domain, split, identity, label cells and status."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distillery.errors import DistilleryError
from distillery.heads import AnyHeads
from distillery.images.adapters import Sighting
from distillery.images.decoding import UnreadableImageError, content_hash, decode
from distillery.images.labels import LabelError, Spellings, parse_label
from distillery.images.splits import PROTECTION, draw_split, group_rows, most_protected
from distillery.tables import READABLE, manifest_schema

MAX_NAMED = 5
PART = 4096  # images that are Python objects at a time


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set as the manifest takes it in: ``shares`` by its own splits, ``spellings`` by head."""

    name: str
    domain: str
    shares: Mapping[str, Mapping[str, float]]
    spellings: Mapping[str, Spellings]


def label_rows(source: Source, sightings: Iterable[Sighting], heads: AnyHeads) -> pa.Table:
    """One data set's rows as far as they can be known before anything is decoded; a bad label stops here.

    Columns ``path``, ``dataset``, ``domain``, ``identity``, ``source_split`` (the data set's own), ``status`` (null, or
    why the row cannot be used) and one per head.

    Raises:
        DistilleryError: the labels that do not fit, the first few by path.
    """
    problems: list[str] = []
    schema, waiting = _listed_schema(heads), iter(sightings)
    parts = [schema.empty_table()]
    while part := list(islice(waiting, PART)):
        rows = [_label_row(source, sighting, heads, problems) for sighting in part]
        parts.append(pa.Table.from_pylist(rows, schema=schema))
    if problems:
        shown = "\n".join(problems[:MAX_NAMED])
        raise DistilleryError(f"data set '{source.name}': {len(problems)} labels do not fit:\n{shown}")
    return pa.concat_tables(parts)


def name_images(
    files: Sequence[tuple[str, str | None]], *, min_side: int, max_pixels: int, pool: Executor
) -> list[tuple[str, str]]:
    """Decode every image once: its content hash and status, in order. What is unreadable is named by its path.

    Args:
        files: paths, each with why it cannot be used, if so.
    """
    return list(pool.map(partial(_name_image, min_side=min_side, max_pixels=max_pixels), files))


def assign_splits(rows: pa.Table, sources: Iterable[Source], heads: AnyHeads, seed: int) -> pa.Table:
    """Draw the splits of all rows together and make the manifest.

    Identities and exact duplicates stay whole. A row that has to leave its own split for that keeps its place in the
    table, and its status says why it is not used. Labels of unlabelled rows are dropped here, so that nothing later
    can see them.

    Args:
        rows: what ``label_rows`` found of all data sets, with ``image`` and ``status`` as ``name_images`` found them.

    Raises:
        DistilleryError: a data set has a split that its ``splits`` do not name.
    """
    shares = {source.name: source.shares for source in sources}
    own = np.fromiter(_own_splits(rows, shares, seed), dtype=np.int64, count=len(rows))
    ranks = most_protected(own, group_rows(rows["identity"], rows["image"]))
    moved = pa.array(ranks != own)
    aside = pa.array([f"set aside: shares pixels or identity with {split}" for split in PROTECTION])
    usable = pc.equal(rows["status"], READABLE)
    status = pc.if_else(pc.and_(moved, usable), aside.take(pa.array(ranks)), rows["status"])
    split = pa.DictionaryArray.from_arrays(pa.array(ranks.astype(np.int32)), pa.array(PROTECTION))
    seen = pa.array(np.arange(len(rows)), mask=ranks == PROTECTION.index("unlabelled"))
    columns = {name: rows[name] for name in rows.column_names} | {"split": split, "status": status}
    columns |= {name: rows[name].take(seen) for name in heads}
    schema = manifest_schema(heads)
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _listed_schema(heads: AnyHeads) -> pa.Schema:
    """The manifest's columns without what decoding and drawing add; ``source_split`` beside them."""
    known = [field for field in manifest_schema(heads) if field.name not in ("image", "split")]
    return pa.schema([*known, ("source_split", pa.string())])


def _label_row(source: Source, sighting: Sighting, heads: AnyHeads, problems: list[str]) -> dict[str, object]:
    row: dict[str, object] = {"path": str(sighting.path), "dataset": source.name, "domain": source.domain}
    row |= {"identity": f"{source.name}/{sighting.identity}" if sighting.identity else None}
    row |= {"status": sighting.problem, "source_split": sighting.split}
    for name, head in heads.items():
        try:
            row[name] = parse_label(head, sighting.labels.get(name), source.spellings.get(name, {}))
        except LabelError as error:
            problems.append(f"  {sighting.path}: head '{name}': {error}")
    return row


def _name_image(file: tuple[str, str | None], *, min_side: int, max_pixels: int) -> tuple[str, str]:
    path, problem = file
    if problem:
        return f"unused:{path}", problem
    try:
        return content_hash(decode(Path(path), min_side=min_side, max_pixels=max_pixels)), READABLE
    except UnreadableImageError as error:
        return f"unused:{path}", str(error)


def _own_splits(rows: pa.Table, shares: Mapping[str, Mapping[str, Mapping[str, float]]], seed: int) -> Iterator[int]:
    """The split that each row would have by itself, as its rank in ``PROTECTION``."""
    needed = rows.select(["dataset", "source_split", "identity", "image", "path"])
    for part in needed.to_batches(max_chunksize=PART):
        for dataset, source_split, identity, image, path in zip(*(column.to_pylist() for column in part), strict=True):
            if source_split not in shares[dataset]:
                raise DistilleryError(
                    f"data set '{dataset}' has a split '{source_split}' ({path}); "
                    f"manifest.datasets.{dataset}.splits names only {sorted(shares[dataset])}"
                )
            yield PROTECTION.index(draw_split(shares[dataset][source_split], identity or image, seed))
