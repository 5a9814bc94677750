"""The manifest: every image of every data set with its domain, split, identity, label cells and status."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from distillery.errors import DistilleryError
from distillery.heads import AnyHeads
from distillery.images.adapters import Sighting
from distillery.images.decoding import UnreadableImageError, content_hash, decode
from distillery.images.labels import LabelError, Spellings, parse_label
from distillery.images.splits import draw_split, group_rows, most_protected
from distillery.tables import READABLE, manifest_schema

MAX_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set as the manifest takes it in: ``shares`` by its own splits, ``spellings`` by head."""

    name: str
    domain: str
    shares: Mapping[str, Mapping[str, float]]
    spellings: Mapping[str, Spellings]


def name_images(
    sightings: Sequence[Sighting], *, min_side: int, max_pixels: int, pool: Executor
) -> list[tuple[str, str]]:
    """Decode every image once: its content hash and status, in order. What is unreadable is named by its path."""
    return list(pool.map(partial(_name_image, min_side=min_side, max_pixels=max_pixels), sightings))


def build_rows(
    source: Source, sightings: Sequence[Sighting], named: Sequence[tuple[str, str]], heads: AnyHeads
) -> list[dict]:
    """One data set's rows, before any split is drawn; a bad label stops here and names its file.

    Raises:
        DistilleryError: the labels that do not fit, the first few by path.
    """
    rows, problems = [], []
    for sighting, (image, status) in zip(sightings, named, strict=True):
        row: dict = {"image": image, "path": str(sighting.path), "dataset": source.name, "domain": source.domain}
        row |= {"identity": f"{source.name}/{sighting.identity}" if sighting.identity else None, "status": status}
        row |= {"source_split": sighting.split}
        for name, head in heads.items():
            try:
                row[name] = parse_label(head, sighting.labels.get(name), source.spellings.get(name, {}))
            except LabelError as error:
                problems.append(f"  {sighting.path}: head '{name}': {error}")
        rows.append(row)
    if problems:
        shown = "\n".join(problems[:MAX_NAMED])
        raise DistilleryError(f"data set '{source.name}': {len(problems)} labels do not fit:\n{shown}")
    return rows


def assign_splits(rows: list[dict], sources: Iterable[Source], heads: AnyHeads, seed: int) -> pa.Table:
    """Draw the splits of all rows together and make the manifest.

    Identities and exact duplicates stay whole. A row that has to leave its own split for that keeps its place in the
    table, and its status says why it is not used. Labels of unlabelled rows are dropped here, so that nothing later
    can see them.

    Raises:
        DistilleryError: a data set has a split that its ``splits`` do not name.
    """
    shares = {source.name: source.shares for source in sources}
    groups = group_rows([row["identity"] for row in rows], [row["image"] for row in rows])
    members: dict[int, list[str]] = {}
    for row, group in zip(rows, groups, strict=True):
        row["split"] = _own_split(row, shares[row["dataset"]], seed)
        members.setdefault(group, []).append(row["split"])
    for row, group in zip(rows, groups, strict=True):
        split = most_protected(members[group])
        if split != row["split"] and row["status"] == READABLE:
            row["status"] = f"set aside: shares pixels or identity with {split}"
        row["split"] = split
        if split == "unlabelled":
            row |= dict.fromkeys(heads)
    return pa.Table.from_pylist(rows, schema=manifest_schema(heads))


def _name_image(sighting: Sighting, *, min_side: int, max_pixels: int) -> tuple[str, str]:
    if sighting.problem:
        return f"unused:{sighting.path}", sighting.problem
    try:
        return content_hash(decode(sighting.path, min_side=min_side, max_pixels=max_pixels)), READABLE
    except UnreadableImageError as error:
        return f"unused:{sighting.path}", str(error)


def _own_split(row: dict, shares: Mapping[str, Mapping[str, float]], seed: int) -> str:
    if row["source_split"] not in shares:
        raise DistilleryError(
            f"data set '{row['dataset']}' has a split '{row['source_split']}' ({row['path']}); "
            f"manifest.datasets.{row['dataset']}.splits names only {sorted(shares)}"
        )
    return draw_split(shares[row["source_split"]], row["identity"] or row["image"], seed)
