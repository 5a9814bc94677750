"""A round's predictions beside known labels, as the table that cleanlab looks for label errors in."""

from pathlib import Path

import polars as pl

from distillery.errors import DistilleryError
from distillery.files import whole_file
from distillery.heads import Classification
from distillery.labelling.calibration.fit import UNCALIBRATED
from distillery.labelling.pseudo_labels import read_cells
from distillery.params import Params
from distillery.tables import READABLE, read_table
from tasks.support import paths
from tasks.support.selecting import Predicted

KNOWN = ("val", "audit")  # of which the teacher learnt no label: cleanlab wants predictions out of sample


def export_labels(key: str, name: str, path: Path, params: Params) -> int:
    """Write a CSV of one classification head: image, path, split, label, then ``p_<class>``, the probabilities.

    ``label`` is the class's number, as ``cleanlab.filter.find_label_issues(labels, pred_probs)`` takes it. They are as
    predicted: a calibration knows the validation labels. Returns the number of rows.

    Raises:
        DistilleryError: no such round, or the head is no classification.
    """
    if key not in params.rounds:
        raise DistilleryError(f"no round {key!r}; allowed: {list(params.rounds)}")
    allowed = [head for head, found in params.distilled.items() if isinstance(found, Classification)]
    if name not in allowed:
        raise DistilleryError(f"no classification head {name!r}; allowed: {allowed}")
    head = params.distilled[name]
    assert isinstance(head, Classification)
    predicted = Predicted(paths.predictions(key), paths.MANIFEST, params.distilled)
    rows = pl.concat([predicted.beside_truth(name, split).with_columns(split=pl.lit(split)) for split in KNOWN])
    chances = read_cells(rows, name, head, UNCALIBRATED).values
    usable = pl.col("status") == READABLE
    where = read_table(paths.MANIFEST, ["image", "path", "status"], only=usable).unique("image", keep="first")
    number = {label: place for place, label in enumerate(head.classes)}
    label = pl.col("truth").cast(pl.String).replace_strict(number, return_dtype=pl.Int64)
    table = rows.join(where, on="image", maintain_order="left").select("image", "path", "split", label=label)
    with whole_file(path) as draft:
        table.hstack(pl.DataFrame(chances, schema=[f"p_{label}" for label in head.classes])).write_csv(draft)
    print(f"{path}: {len(table):,} images whose {name} is known, labels 0 to {len(head.classes) - 1}")
    return len(table)
