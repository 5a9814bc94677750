"""What the Prefect UI shows of a run beside its logs: progress, each round's table and pictures, the way to MLflow."""

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import polars as pl
from prefect import runtime
from prefect.artifacts import create_image_artifact, create_link_artifact, create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate

from distillery.params import Params
from distillery.reporting.axes import number
from distillery.reporting.headline import signed
from distillery.reporting.page import words
from flows.environment import MLFLOW
from tasks.support import paths
from tasks.support.closing import compare_targets
from tasks.support.evaluations import read_evaluation
from tasks.support.tracked import figure_name

EVERY = 2.0  # seconds between two reports of progress
EPOCH, SHARE = re.compile(r"epoch (\d+) of (\d+)"), re.compile(r"\((\d+)%\)")
RECORDED = re.compile(r"mlflow: round (\S+) is recorded as run (\w+) of experiment (\w+)")


def follow(name: str) -> Callable[[str], None]:
    """A function that takes a stage's lines and shows how far it is, on the page of the flow run."""
    artifact, shown = None, 0.0
    flow_run = UUID(str(runtime.flow_run.id))

    def note(line: str) -> None:
        nonlocal artifact, shown
        share = _share(line)
        if share is None or (time.monotonic() - shown < EVERY and share < 1):
            return
        shown = time.monotonic()
        with suppress(Exception):  # a stage does not end because nobody can be told
            artifact = _show_progress(artifact, name, flow_run, 100 * share)

    return note


def _show_progress(artifact: UUID | None, name: str, flow_run: UUID, percent: float) -> UUID:
    """Of the flow run and not of the task run, as Prefect's own function would make it: there few would look for it."""
    with get_client(sync_client=True) as client:
        if artifact is None:
            asked = ArtifactCreate(
                key=_key(name), type="progress", description=name, data=percent, flow_run_id=flow_run
            )
            return client.create_artifact(asked).id
        client.update_artifact(artifact, ArtifactUpdate(data=percent))
        return artifact


def show_round(key: str, params: Params, lines: list[str]) -> None:
    """The round's table on the target domain and, where MLflow is served, its pictures and its run there.

    Args:
        lines: what recording the round said.
    """
    create_markdown_artifact(key=_key(f"round-{key}"), markdown=table(key, params), description=f"round {key}")
    runs = {found[1]: found for line in lines if (found := RECORDED.search(line))}
    if (server := os.environ.get(MLFLOW)) and key in runs:
        _, run, experiment = runs[key].groups()
        link = f"{server}/#/experiments/{experiment}/runs/{run}"
        about = "its metrics, figures, data sets and model"
        create_link_artifact(
            link=link, link_text=f"round {key} in MLflow", key=_key(f"mlflow-{key}"), description=about
        )
        for picture in _pictures(key, params):
            address = f"{server}/get-artifact?{urlencode({'path': picture, 'run_uuid': run})}"
            create_image_artifact(image_url=address, key=_key(f"{key}-{picture}"), description=picture)


def show_study(page: Path) -> None:
    """What became of the claims, without the pictures, which lie beside the page."""
    lines = [line for line in page.read_text().splitlines() if not line.startswith("![")]
    create_markdown_artifact(key="study", markdown="\n".join(lines), description=f"the claims; with pictures: {page}")


def table(key: str, params: Params) -> str:
    """Markdown: a row for each head of the target data sets, the teacher beside the round."""
    lines = [f"| data set | head | metric | r0 | {key} | change | |", f"|{' --- |' * 7}"]
    for one in compare_targets(params, key):
        values = f"{number(one.before)} | {number(one.after)} | {signed(one.change)} | {one.said}"
        lines.append(f"| {one.dataset} | {one.head} | {words(one.metric)} | {values} |")
    return "\n".join(lines)


def _pictures(key: str, params: Params) -> list[str]:
    """Of the round's figures in MLflow those of the target data sets."""
    found = read_evaluation(paths.evaluation(key), "confusion")
    if not len(found):
        return []
    shown = found.filter(pl.col("dataset").is_in(params.targets)).select("dataset", "head").unique(maintain_order=True)
    return [figure_name("confusion", dataset, head) for dataset, head in shown.rows()]


def _share(line: str) -> float | None:
    if found := EPOCH.search(line):
        return int(found[1]) / int(found[2])
    return int(found[1]) / 100 if (found := SHARE.search(line)) else None


def _key(name: str) -> str:
    """Prefect takes small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
