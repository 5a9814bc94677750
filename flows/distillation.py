"""The whole method on a page: a teacher on labels, then rounds of pseudo-labels and students (2MD, arXiv 1907.03402).

``python -m flows.distillation`` runs it, with a Prefect server or without one.
"""

from functools import partial
from pathlib import Path

from prefect import flow, runtime
from prefect.client.schemas.objects import State

from distillery.params import TEACHER, Params
from flows.artifacts import show_round
from flows.form import (
    Domain,
    Heads,
    Inbox,
    Name,
    Overrides,
    Rounds,
    Selections,
    Views,
    add_round,
    close_round,
    filled_in,
    round_is_open,
)
from flows.stages import UNCHANGED, keep, record, run, save_experiment
from flows.workspace import run_by_hand, work_alone
from tasks.support.command import read_params
from tasks.support.inbox import arrived_in, declare_dataset, left_alone, new_images_in, take_images, unreadable
from tasks.support.paths import RAW


@flow(name="distillation", log_prints=True)
def distillation(
    rounds: Rounds = None,
    heads: Heads = None,
    views: Views = None,
    selection: Selections = None,
    overrides: Overrides = None,
) -> State | None:
    """Bring every artefact up to date; what DVC finds unchanged is skipped. What is filled in goes to params.yaml, and
    is taken back where the run fails or is cancelled.

    Args:
        rounds: how many rounds are distilled; empty: those of params.yaml.
        heads: which of its heads are kept; the others are taken out of params.yaml. Empty: all of them.
        views: the transforms whose mean labels the pool; empty: those of params.yaml.
        selection: by head, the rules that choose its pseudo-labels; heads that are not named keep theirs:
            {"gender": {"rules": [{"kind": "threshold", "least": 0.9}], "targets": "hard"}}.
        overrides: any keys of params.yaml, in dots, with their new values: {"student.epochs": 30}.
    """

    def work() -> None:
        form = {"rounds": rounds, "heads": heads, "views": views, "selection": selection, "overrides": overrides}
        with filled_in(**form) as params:
            distil(params)

    return work_alone(work)


@flow(name="one-more-round", log_prints=True)
def one_more_round() -> State | None:
    """Extend the chain of rounds by one, labelled by the last network; nothing old runs again.

    A round that a run before this one added and did not finish is finished instead.
    """
    return work_alone(lambda: distil(add_round(str(runtime.flow_run.id))))


@flow(name="new-images", log_prints=True)
def new_images(inbox: Inbox, dataset: Name = "arrived", domain: Domain = "arrived") -> State | None:
    """Take images that arrived in a folder as unlabelled data, then distil again, with one more round.

    The manifest is then another one: teacher and rounds are all made anew. Without a new image nothing runs, but for a
    round that a run before this one did not finish; what cannot be read as an image is named and left where it is.

    Args:
        inbox: the folder in which they arrived; they are copied, and each is taken once.
        dataset: the data set that they become, or join.
        domain: what they look like: their domain in params.yaml.
    """
    return work_alone(lambda: _take_in(Path(inbox), dataset, domain))


def _take_in(inbox: Path, dataset: str, domain: str) -> None:
    arrived, limits = new_images_in(inbox, dataset), read_params().manifest
    faults = unreadable(arrived, min_side=limits.min_side, max_pixels=limits.max_pixels)
    for path, fault in {**faults, **left_alone(inbox)}.items():
        print(f"{path}: not taken ({fault})")
    for path in faults:
        del arrived[path]
    print(f"{inbox}: {len(arrived)} new images for the data set '{dataset}'")
    if arrived or round_is_open():  # of a run that took its images and got no further
        declare = partial(declare_dataset, dataset=dataset, domain=domain)
        also = declare if arrived or (RAW / dataset).is_dir() else lambda _: None
        params = add_round(str(runtime.flow_run.id), also)
        take_images(arrived)
        distil(params)


def distil(params: Params) -> None:
    """Every stage in its order; at the end there is a DVC experiment of the flow run's name."""
    shown: set[str] = set()

    def show(key: str, *outcomes: str) -> None:
        """As soon as there is something new to see; what is of before together at the end, by one record."""
        if set(outcomes) != {UNCHANGED}:
            show_round(key, params, record(key))
            shown.add(key)

    for domain in params.faces.domains:
        run("faces", domain)
    for folder in arrived_in(params):
        keep(folder)
    run("manifest")
    run("images")
    run("ledger")

    show(TEACHER, run("teacher"), run("teacher_evaluation"), run("views"))

    for key in params.rounds:
        show(
            key,
            run("predictions", key),
            run("pseudo_labels", key),
            run("student", key),
            run("evaluation", key),
            run("few_shot", key),
        )

    run("promotion")
    run("report")
    lines = record(params.models[-1], save_experiment())
    for key in params.models:
        if key not in shown:
            show_round(key, params, lines)
    close_round()


if __name__ == "__main__":
    run_by_hand(distillation)
