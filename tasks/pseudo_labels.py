"""Reads a round's predictions and the manifest; writes ``data/rounds/<round>/pseudo_labels.parquet``. Infers nothing.

``calibration/`` beside it has the error and the reliability of every head, before and after calibration. One shard of
predictions is in memory at a time; they are read once for each rule that has to see them all, and once to write.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import polars as pl
import pyarrow as pa

from distillery.files import whole_folder
from distillery.labelling.pseudo_labels import Plan, select
from distillery.params import Params
from distillery.tables import KEPT, LABELLED, NEGATIVE, pseudo_labels_schema, read_metadata, table_files, write_parts
from tasks.support import paths
from tasks.support.command import run_keyed_stage
from tasks.support.selecting import Predicted, make_plan, tabulate_calibrations


def write_pseudo_labels(key: str, params: Params) -> None:
    """Calibrate on the validation split, then select the predictions that a student may learn from.

    Raises:
        DistilleryError: a head is calibrated too badly to be used.
    """
    heads, section = params.distilled, params.pseudo_labels
    predicted = Predicted(paths.predictions(key), paths.MANIFEST, heads)
    plans = {name: make_plan(predicted, name, section.heads[name], section.calibration) for name in heads}
    _say_calibrations(plans, predicted.domains, section.calibration.least)
    kept, negative, empty = Counter[str](), Counter[str](), Counter[str]()

    def selected() -> Iterator[pa.Table]:
        for part in predicted.parts(list(heads)):
            table = select(part, heads, plans)
            for name in heads:
                reasons = pl.Series(table[f"{name}_reason"].cast("string"))
                kept[name] += int((reasons == KEPT).sum())
                negative[name] += int((reasons == NEGATIVE).sum())
                empty[name] += int((reasons != LABELLED).sum())
            yield table

    teacher = read_metadata(table_files(paths.predictions(key))[0])["teacher"]
    write_parts(selected(), pseudo_labels_schema(heads), paths.pseudo_labels(key), {"teacher": teacher})
    for name in heads:
        beside = f", of {negative[name]:,} what they are not" if negative[name] else ""
        print(f"pseudo_labels {name}: kept {kept[name]:,} of {empty[name]:,} empty cells{beside}")
    if not kept.total() + negative.total():
        print(
            f"pseudo_labels: nothing is kept, and {key} cannot learn from it: loosen pseudo_labels.heads.<head>.rules; "
            f"`distillery what-if {key}` shows what others would keep"
        )
    with whole_folder(paths.calibration(key)) as folder:
        for what, table in zip(("errors", "reliability"), tabulate_calibrations(plans), strict=True):
            table.write_csv(folder / f"{what}.csv")


def _say_calibrations(plans: Mapping[str, Plan], domains: set[str], least: int) -> None:
    for name, plan in plans.items():
        for row in plan.calibration.errors:
            print(
                f"pseudo_labels {name}, {row['domain']}: calibration error {row['error_before']:.3f} before, "
                f"{row['error_after']:.3f} after {row['method']}, on {row['cells']:,} cells"
            )
        if unknown := sorted(domains - plan.calibration.by_domain.keys()):
            reason = f"fewer than {least} validation labels there, or no width"
            print(f"pseudo_labels {name}: taken as predicted in {', '.join(unknown)}: {reason}")


def main(params: Params, key: str) -> None:
    write_pseudo_labels(key, params)


if __name__ == "__main__":
    run_keyed_stage(main)
