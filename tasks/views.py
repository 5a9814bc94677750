"""Reads the teacher, the manifest and the images; writes ``data/views.csv``: which views are worth their forward pass.

On the validation split; what labels and what is measured is left alone by it.
"""

from pathlib import Path

import polars as pl

from distillery.images.cells import labelled_cells
from distillery.images.store import ImageStore
from distillery.labelling.views import View, check_views
from distillery.labelling.worth import answer_by_view, rank_views, relative
from distillery.networks.model import load_model
from distillery.params import TEACHER, Params
from distillery.tables import READABLE, read_table
from tasks.support import paths
from tasks.support.command import run_stage
from tasks.support.inference import inference
from tasks.support.machine import prepare_machine
from tasks.support.written import write_csv

SCHEMA = pl.Schema(
    {"views": pl.Int64(), "view": pl.String(), "head": pl.String()}
    | dict.fromkeys(("loss", "alone", "relative", "mean_relative"), pl.Float64())
)


def write_views(params: Params) -> Path:
    """Rank the candidate views by what each adds to the ensemble of those before it.

    Raises:
        DistilleryError: a head forbids a view.
    """
    section, heads = params.views, params.distilled
    network, _ = load_model(paths.model(TEACHER))
    how = inference(section, params.device, network)
    check_views(how.views, params.learnt)
    usable = (pl.col("status") == READABLE) & (pl.col("split") == "val")
    rows = read_table(paths.MANIFEST, only=usable).unique("image", keep="first", maintain_order=True)
    if not len(rows):
        print("views: no image in the split val: nothing says what a view is worth")
        write_csv(paths.VIEWS, SCHEMA.to_frame())
        return paths.VIEWS
    rows = rows.sample(min(section.images, len(rows)), seed=params.seed)
    answers = answer_by_view(network, heads, ImageStore(paths.IMAGES), rows["image"], how)
    first = next(place for place, view in enumerate(how.views) if view.kind == "identity")
    steps, found = rank_views(answers, heads, labelled_cells(rows, heads), first), []
    reference = steps[0].losses
    for count, step in enumerate(steps, start=1):
        mean, name = relative(step.losses, reference), in_words(how.views[step.view])
        print(f"views: {count} with {name}: {mean:.3f} of the loss of one view", flush=True)
        for head, loss in step.losses.items():
            share = relative({head: loss}, reference)
            numbers = {"loss": loss, "alone": step.alone[head], "relative": share}
            found.append({"views": count, "view": name, "head": head, **numbers, "mean_relative": mean})
    write_csv(paths.VIEWS, pl.DataFrame(found, schema=SCHEMA))
    return paths.VIEWS


def in_words(view: View) -> str:
    """For instance ``scale 0.93``."""
    amounts = view.amount if isinstance(view.amount, tuple) else (view.amount,)
    return view.kind if view.kind in ("identity", "flip") else f"{view.kind} {' '.join(f'{a:g}' for a in amounts)}"


def main(params: Params) -> None:
    prepare_machine(params)
    write_views(params)


if __name__ == "__main__":
    run_stage(main)
