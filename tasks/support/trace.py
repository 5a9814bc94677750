"""``distillery trace <image | pseudo-label file | round | champion | MLflow run>``: from a picture to a metric.

Image, split, predictions with teacher and views, the rule that kept or refused each cell, the network that learnt from
it, its worth, MLflow run, flow run, DVC experiment and commit. What was made from other bytes than lie here is said so.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import polars as pl

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.heads import AnyHead, Classification, Detection, Head, Regression, names
from distillery.images.decoding import UnreadableImageError, content_hash, decode
from distillery.params import Params
from distillery.reporting.axes import number
from distillery.tables import KEPT, LABELLED, NEGATIVE, read_metadata, read_table, table_files
from tasks.support import paths
from tasks.support.record import named_errors
from tasks.support.registry import CHALLENGER, CHAMPION
from tasks.support.trace_network import find_run, name_network, short, trace_network, trace_run, trace_version

BEGINNING = re.compile("[0-9a-f]{8,}")  # of an image's id


def trace(what: str, params: Params) -> Iterator[str]:
    """Lines about an image (its id, the beginning of it, a path, or any file of the same pixels), a round's file of
    pseudo-labels, a round, an alias or an MLflow run's id.

    Raises:
        DistilleryError: there is no such thing; names what there may be.
    """
    if what in params.models:
        yield from trace_network(what, params)
    elif what in (CHAMPION, CHALLENGER):
        yield from trace_version(what, params)
    elif key := _round_of_file(what, params):
        yield from _trace_pseudo_labels(key, params)
    elif image := _find_image(what, params):
        yield from _trace_image(image, params)
    elif run := find_run(what, params):
        yield from trace_run(run, params)
    else:
        raise DistilleryError(
            f"{what!r} is no image of {paths.MANIFEST}, no MLflow run of ours, no data/rounds/<round>/pseudo_labels."
            f"parquet, no round ({', '.join(params.models)}), not {CHAMPION} and not {CHALLENGER}"
        )


def _round_of_file(what: str, params: Params) -> str | None:
    path = Path(os.path.relpath(Path(what)))
    return next((key for key in params.rounds if path == paths.pseudo_labels(key)), None)


def _find_image(what: str, params: Params) -> str | None:
    """The id of an image of the manifest: by its path there, by the pixels of a file elsewhere, by its beginning."""
    path, limits = Path(what), params.manifest
    here = pl.col("path") == os.path.relpath(path)
    named = read_table(paths.MANIFEST, ["image", "path"], only=here)["image"].unique()
    with suppress(UnreadableImageError, OSError):  # no file of that name, or none that is an image
        if not len(named):
            what = content_hash(
                decode(path.resolve(strict=True), min_side=limits.min_side, max_pixels=limits.max_pixels)
            )
    if not len(named) and BEGINNING.fullmatch(what):
        named = read_table(paths.MANIFEST, ["image"], only=pl.col("image").str.starts_with(what))["image"].unique()
    if len(named) > 1:
        raise DistilleryError(f"{what!r} begins the ids of {len(named)} images; give more of it")
    return str(named[0]) if len(named) else None


def _trace_image(image: str, params: Params) -> Iterator[str]:
    for row in read_table(paths.MANIFEST, only=pl.col("image") == image).to_dicts():
        place = f"data set {row['dataset']}, domain {row['domain']}, split {row['split']}"
        yield f"image {image}: {row['path']} ({place}, {row['status']})"
        known = [f"{name} {_label(row[name], head)}" for name, head in params.heads.items() if row[name] is not None]
        yield f"  labels: {', '.join(known) or 'none'}"
    twins = read_table(paths.LEDGER, only=pl.col("image") == image).to_dicts()
    for twin in twins:
        kept = "kept out of training" if twin["kept_out"] else "not kept out of training"
        yield f"  {twin['kind']} duplicate of {twin['twin']} ({twin['twin_dataset']}, {twin['twin_split']}), {kept}"
    kept_out = any(twin["kept_out"] for twin in twins)
    for key in params.rounds:
        yield from _trace_in_round(image, key, params, kept_out=kept_out)


def _trace_in_round(image: str, key: str, params: Params, *, kept_out: bool) -> Iterator[str]:
    """What a round made of an image, and which networks learnt that."""
    if not (paths.predictions(key).is_dir() and paths.pseudo_labels(key).is_file()):
        yield f"round {key}: not made yet"
        return
    for shard in table_files(paths.predictions(key)):
        found = read_table(shard, ["image", "views"], only=pl.col("image") == image)
        if len(found):
            teacher = name_network(params.rounds[key].teacher, read_metadata(shard)["teacher"])
            yield f"round {key}: seen by {found['views'][0]} views of {teacher}"
            yield f"  {shard}"
    table = read_table(paths.pseudo_labels(key), only=pl.col("image") == image)
    learnt = False
    for row in table.to_dicts():
        for name, head in params.distilled.items():
            learnt |= row[f"{name}_reason"] in (KEPT, NEGATIVE)
            yield f"  {name}: {_cell(row, name, head)}"
    if learnt and not kept_out:
        yield f"  learnt by {key}, as one of its pseudo-labels"
        yield from (f"  {line}" for line in trace_network(key, params))


def _trace_pseudo_labels(key: str, params: Params) -> Iterator[str]:
    path, teacher = paths.pseudo_labels(key), params.rounds[key].teacher
    yield f"{path}: {short(file_hash(path))}, labelled by {name_network(teacher, read_metadata(path)['teacher'])}"
    for name in params.distilled:
        reasons = read_table(path, [f"{name}_reason"])[f"{name}_reason"].cast(pl.String).value_counts(sort=True)
        yield f"  {name}: {', '.join(f'{count:,} {reason}' for reason, count in reasons.rows())}"
    yield from trace_network(key, params)


def _label(value: object, head: AnyHead) -> str:
    if isinstance(head, Detection):
        return " and ".join(name for name, on in zip(names(head), cast(list, value), strict=True) if on) or "none"
    if isinstance(head, Regression):
        return ", ".join(number(one) for one in cast(list, value))
    return str(value)


def _cell(row: dict, name: str, head: Head) -> str:
    if (reason := row[f"{name}_reason"]) == LABELLED:
        return "has a label"
    if reason == NEGATIVE:
        return "none of " + ", ".join(
            c for c, unlike in zip(names(head), row[f"{name}_negative"], strict=True) if unlike
        )
    value, sure, weight = (row[f"{name}_{what}"] for what in ("hard", "confidence", "weight"))
    if isinstance(head, Classification):
        return f"{value}, {reason} (confidence {number(sure)}, weight {weight:g})"
    shown = zip(names(head), value, sure, weight, strict=True)
    if isinstance(head, Detection):
        kept = [f"{element} {'on' if on else 'off'} {number(p)}" for element, on, p, w in shown if w > 0]
        return f"{reason}: {', '.join(kept) or 'no element'}"
    return f"{', '.join(f'{output} {number(v)} ± {number(s)}' for output, v, s, _ in shown)}, {reason}"


def print_trace(what: str, params: Params) -> None:
    """A line as soon as it is known."""
    with named_errors(params):
        for line in trace(what, params):
            print(line, flush=True)
