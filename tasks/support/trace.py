"""``distillery trace <image | pseudo-label file | round | champion | MLflow run>``: from a picture to a metric.

Image, split, predictions with teacher and views, the rule that kept or refused each cell, the network that learnt from
it, its worth, MLflow run, flow run, DVC experiment and commit. What was made from other bytes than lie here is said so.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from distillery.errors import DistilleryError
from distillery.files import file_hash
from distillery.heads import Classification, Detection, Head, names
from distillery.networks.model import WEIGHTS, load_card
from distillery.params import TEACHER, Params
from distillery.reporting.axes import number
from distillery.tables import KEPT, LABELLED, NEGATIVE, read_metadata, read_table, table_files
from tasks.support import paths
from tasks.support.closing import compare_targets
from tasks.support.record import find_experiment, open_record
from tasks.support.registry import CHALLENGER, CHAMPION, WEIGHTS_TAG, versions_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

SHORT = 12  # characters of a hash
TAGS = {"flow run": "prefect.flow_run", "DVC experiment": "dvc.experiment", "commit": "git.commit"}


def trace(what: str, params: Params) -> Iterator[str]:
    """Lines about an image (its id or path), a round's file of pseudo-labels, a round, an alias or an MLflow run's id.

    Raises:
        DistilleryError: there is no such thing; names what there may be.
    """
    if what in params.models:
        yield from _trace_model(what, params)
    elif what in (CHAMPION, CHALLENGER):
        yield from _trace_version(what, params)
    elif key := next((key for key in params.rounds if Path(what) == paths.pseudo_labels(key)), None):
        yield from _trace_pseudo_labels(key, params)
    elif len(rows := _rows_of_image(what)):
        yield from _trace_image(rows["image"][0], rows, params)
    else:
        yield from _trace_run(what, params)


def _rows_of_image(what: str) -> pl.DataFrame:
    """The manifest's rows of an image, by its id or the path of one of its files."""
    path = os.path.relpath(Path(what))
    named = read_table(paths.MANIFEST, ["image", "path"], only=pl.col("path") == path)["image"].to_list()
    return read_table(paths.MANIFEST, only=pl.col("image") == (named[0] if named else what))


def _trace_image(image: str, rows: pl.DataFrame, params: Params) -> Iterator[str]:
    for row in rows.to_dicts():
        place = f"data set {row['dataset']}, domain {row['domain']}, split {row['split']}"
        yield f"image {image}: {row['path']} ({place}, {row['status']})"
        known = [f"{name} {row[name]}" for name in params.heads if row[name] is not None]
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
    for shard in table_files(paths.predictions(key)):
        found = read_table(shard, ["image", "views"], only=pl.col("image") == image)
        if len(found):
            teacher = _model(params.rounds[key].teacher, read_metadata(shard)["teacher"])
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
        yield from (f"  {line}" for line in _trace_model(key, params))


def _trace_pseudo_labels(key: str, params: Params) -> Iterator[str]:
    path, teacher = paths.pseudo_labels(key), params.rounds[key].teacher
    yield f"{path}: {_short(file_hash(path))}, labelled by {_model(teacher, read_metadata(path)['teacher'])}"
    for name in params.distilled:
        reasons = read_table(path, [f"{name}_reason"])[f"{name}_reason"].cast(pl.String).value_counts(sort=True)
        yield f"  {name}: {', '.join(f'{count:,} {reason}' for reason, count in reasons.rows())}"
    yield from _trace_model(key, params)


def _trace_model(key: str, params: Params) -> Iterator[str]:
    weights = file_hash(paths.model(key) / WEIGHTS)
    yield f"network {key}: weights {_short(weights)} in {paths.model(key)}"
    made_from = load_card(paths.model(key)).provenance
    sources = {"manifest": paths.MANIFEST, "ledger": paths.LEDGER}
    sources |= {} if key == TEACHER else {"pseudo_labels": paths.pseudo_labels(key)}
    for name, path in sources.items():
        same = "as it lies here" if file_hash(path) == made_from[name] else "ANOTHER one lies here now"
        yield f"  from {path}: {_short(made_from[name])}, {same}"
    if key != TEACHER:
        yield f"  its pseudo-labels are by {params.rounds[key].teacher}"
    scores = [f"{one.head} {number(one.after)} ({one.metric})" for one in compare_targets(params, key)]
    yield f"  on {', '.join(params.targets) or 'no target'}: {', '.join(scores) or 'not measured'}"
    client = open_record(params)
    for run in _runs_of(client, key, params):
        parent = client.get_run(run.data.tags["mlflow.parentRunId"]).data.tags
        yield f"  MLflow run {run.info.run_id} of {run.data.tags['mlflow.parentRunId']}"
        for words, tag in TAGS.items():
            if parent.get(tag):
                yield f"    {words} {parent[tag]}"
    for version in versions_of(client, params.tracking.experiment, weights):
        aliases = client.get_model_version(version.name, version.version).aliases
        yield f"  registered as {version.name} {version.version}{''.join(f' @{alias}' for alias in aliases)}"


def _runs_of(client: "MlflowClient", key: str, params: Params) -> list:
    """The first run that recorded this very network: later ones found it made."""
    made_from = load_card(paths.model(key)).provenance
    facts = " and ".join(f"params.`from/{name}` = '{value}'" for name, value in made_from.items())
    wanted, first = f"tags.round = '{key}' and {facts}", ["attributes.start_time ASC"]
    return client.search_runs([find_experiment(client, params)], wanted, order_by=first, max_results=1)


def _trace_version(alias: str, params: Params) -> Iterator[str]:
    client, name = open_record(params), params.tracking.experiment
    found = [one for one in client.search_registered_models(f"name = '{name}'") if alias in one.aliases]
    if not found:
        raise DistilleryError(f"MLflow knows no {name}@{alias}; `make record` gives the aliases after a promotion")
    version = client.get_model_version_by_alias(name, alias)
    key, weights = version.tags["round"], version.tags[WEIGHTS_TAG]
    yield f"{name}@{alias}: version {version.version}, of round {key}, weights {_short(weights)}"
    yield from _trace_if_same(key, file_hash(paths.model(key) / WEIGHTS) == weights, params)


def _trace_run(run: str, params: Params) -> Iterator[str]:
    from mlflow.exceptions import MlflowException

    try:
        data = open_record(params).get_run(run).data
    except MlflowException:
        data = None
    if data is None or data.tags.get("round") not in params.models:
        raise DistilleryError(
            f"{run!r} is no image of {paths.MANIFEST}, no run of a round in MLflow, no data/rounds/<round>/"
            f"pseudo_labels.parquet, no round ({', '.join(params.models)}), not {CHAMPION} and not {CHALLENGER}"
        )
    key = data.tags["round"]
    yield f"MLflow run {run}: round {key}"
    made_from = load_card(paths.model(key)).provenance
    same = all(data.params.get(f"from/{name}") == value for name, value in made_from.items())
    yield from _trace_if_same(key, same, params)


def _trace_if_same(key: str, same: bool, params: Params) -> Iterator[str]:
    if same:
        yield from _trace_model(key, params)
    else:
        yield f"  ANOTHER network lies in {paths.model(key)} now; `dvc exp apply <experiment>` brings one back"


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


def _model(key: str, weights: str) -> str:
    now = file_hash(paths.model(key) / WEIGHTS)
    return f"{key} (weights {_short(weights)}{'' if now == weights else '; ANOTHER network lies there now'})"


def _short(value: str) -> str:
    return value[:SHORT]


def print_trace(what: str, params: Params) -> None:
    """A line as soon as it is known."""
    for line in trace(what, params):
        print(line, flush=True)
