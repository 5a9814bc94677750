"""What a student is worth: ours of one head against semilearn's algorithms, on the same images by the same network.

``python -m benchmarks.peers.students`` with the root and ``.peers`` on PYTHONPATH, in a tree that has the study's
images; writes docs/peers-students.csv and prints its means. Interrupted, it goes on with what is missing there.

Ours is the study's variant ``single_expression`` by its own command: a teacher, its labels by several views, a student.
An algorithm of semilearn trains one network and labels as it goes.

The same on both sides: the network and its initial weights; the labelled images, and the pool; AdamW, its rate, decay,
schedule and clipping; the precision; that one view of the averaged weights is measured. And the budget: images through
the network, with gradient or without, of both our trainings and of the labelling between them. The validation after
each epoch, which chooses nothing, is not counted. An algorithm makes as many steps as that pays for. An unlabelled
image passes twice in each, as a weak and as a strong view; by PseudoLabel once.

Not the same: a third of our student's batch is of the sets that label other heads alone. Theirs is spared these, and is
half labelled, half of the pool. Weak is our teacher's augmentation; strong is our student's after RandAugment, which
FixMatch prescribes. Ours smooths labels and starts its average low, theirs does not. Nothing was tuned for this, on
either side.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from benchmarks.peers.partly_labelled import read_learnt
from benchmarks.peers.semilearn_steps import ALGORITHMS, ONE_VIEW
from benchmarks.peers.semilearn_student import evaluate, train
from benchmarks.peers.single_head import HEAD
from distillery.images.store import ImageStore
from distillery.params import TEACHER, Params
from distillery.params.training import Training
from distillery.tables import READABLE, read_table
from tasks.predictions import PREDICTED, empty_cells
from tasks.study import design
from tasks.support.machine import prepare_machine

VARIANT, METRIC, TABLE = f"single_{HEAD}", "balanced_accuracy", Path("docs/peers-students.csv")
OURS = {TEACHER: "ours, teacher", "r1": "ours, student"}
SCHEMA = {"algorithm": pl.String, "seed": pl.Int64, "dataset": pl.String, "metric": pl.String, "value": pl.Float64,
          "images_passed": pl.Int64, "seconds": pl.Float64}  # fmt: skip


def main() -> None:
    """Measure what the table does not have yet, a seed after the other."""
    table = pl.read_csv(TABLE, schema=SCHEMA) if TABLE.is_file() else pl.DataFrame(schema=SCHEMA)
    study = design.read_study()
    for seed in study.seeds:
        params = design.read_variant(study, VARIANT, seed)
        for name in ("ours", *ALGORITHMS):
            done = table.filter((pl.col("seed") == seed) & pl.col("algorithm").str.starts_with(name))
            if done.is_empty():
                found = ours(params) if name == "ours" else theirs(name, params)
                table = pl.concat([table, pl.DataFrame(list(found), schema=SCHEMA, orient="row")])
                table.write_csv(TABLE, float_precision=4)
    show(table)


def ours(params: Params) -> Iterator[tuple]:
    """Rows of the teacher and of the student; the student's seconds are the whole command's, evaluations included."""
    folder, began, seconds = design.network_folder(VARIANT, params.seed), time.monotonic(), None
    if not folder.is_dir():
        subprocess.run([sys.executable, "-m", "tasks.study.networks", folder.name], check=True)
        seconds = time.monotonic() - began
    wanted = (pl.col("way") == "one_view") & (pl.col("metric") == METRIC) & (pl.col("head") == HEAD)
    of_model = {TEACHER: (_trained(params.teacher), None), "r1": (budget(params), seconds)}
    for model, (passed, spent) in of_model.items():
        for row in pl.read_csv(folder / model / "scores.csv").filter(wanted).to_dicts():
            yield OURS[model], params.seed, row["dataset"], METRIC, row["value"], passed, spent


def theirs(name: str, params: Params) -> Iterator[tuple]:
    """Rows of an algorithm of semilearn; the seconds are its training's."""
    prepare_machine(params)
    store, began = ImageStore(design.IMAGES), time.monotonic()
    learnt = read_learnt(params, store)
    labelled, unlabelled = map(len, learnt.batch(0))
    passed = labelled + unlabelled * (1 if name == ONE_VIEW else 2)  # in a step
    steps = budget(params) // passed
    network = train(name, params, store, learnt, steps=steps)
    seconds = time.monotonic() - began
    for dataset, metrics in evaluate(network, params, store):
        yield name, params.seed, dataset, METRIC, metrics[METRIC], steps * passed, seconds


def budget(params: Params) -> int:
    """How many images pass through ours: two trainings, and every view of what its teacher has to label."""
    predicted = (pl.col("status") == READABLE) & pl.col("split").is_in(PREDICTED)
    rows = read_table(design.MANIFEST, ["image", "domain", "split", "status", HEAD], only=predicted)
    labelled = len(empty_cells(rows, params.distilled)) * len(params.predictions.views)
    return _trained(params.teacher) + labelled + _trained(params.student)


def _trained(section: Training) -> int:
    return section.epochs * section.steps_per_epoch * section.batch


def show(table: pl.DataFrame) -> None:
    """Means over the seeds, with the sample standard deviation of the value."""
    means = [pl.col("images_passed").mean().round(), pl.col("seconds").mean().round()]
    value = [pl.len().alias("seeds"), pl.col("value").mean(), pl.col("value").std().alias("deviation")]
    with pl.Config(tbl_rows=-1, tbl_cols=-1, float_precision=3, tbl_hide_dataframe_shape=True):
        print(table.group_by("dataset", "algorithm", maintain_order=True).agg(*value, *means).sort("dataset"))


if __name__ == "__main__":
    main()
