"""A round's predictions and what makes pseudo-labels of them: domains, calibrations, rules that have seen all cells."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from distillery.errors import DistilleryError
from distillery.heads import Classification, Head, Heads, Regression
from distillery.images.cells import labelled_cells
from distillery.labelling.calibration.fit import UNCALIBRATED, Calibration, calibrate_head
from distillery.labelling.calibration.labelled import Labelled
from distillery.labelling.chances import as_chances
from distillery.labelling.pseudo_labels import Plan, read_cells
from distillery.labelling.selection.debiased import debiased
from distillery.labelling.selection.evidence import Evidence, Rule, fit_rules
from distillery.labelling.selection.flex_match import flex_match
from distillery.labelling.selection.free_match import free_match
from distillery.labelling.selection.narrow import narrow
from distillery.labelling.selection.rate_matched import rate_matched
from distillery.labelling.selection.soft_match import soft_match
from distillery.labelling.selection.threshold import threshold
from distillery.labelling.selection.top_k import top_k
from distillery.labelling.selection.uncertainty import uncertainty
from distillery.params import selection as sections
from distillery.tables import READABLE, read_parts, read_table

PLACE = {"head": pl.String(), "domain": pl.String()}
MEASURED = [f"{what}_{when}" for what in ("error", "nll", "brier", "coverage_90") for when in ("before", "after")]
ERRORS = pl.Schema(PLACE | {"method": pl.String(), "cells": pl.Int64()} | dict.fromkeys(MEASURED, pl.Float64()))
RELIABILITY = pl.Schema(
    PLACE | {"when": pl.String(), "confidence": pl.Float64(), "right": pl.Float64(), "cells": pl.Int64()}
)


class Predicted:
    """One round's predictions beside the manifest's words on the same images.

    Args:
        predictions: the shards.
        manifest: the table.
        heads: those that are pseudo-labelled.

    Raises:
        DistilleryError: the two are of different images.
    """

    def __init__(self, predictions: Path, manifest: Path, heads: Heads) -> None:
        self.heads, self._predictions, self._manifest = heads, predictions, manifest
        usable = (pl.col("status") == READABLE) & (pl.col("split") != "test")
        places = read_table(manifest, ["image", "domain", "split", "status"], only=usable).drop("status")
        places = places.unique("image", keep="first", maintain_order=True)
        images = read_table(predictions, ["image"])
        # In the order of the predictions: joined once, not once for each part and rule.
        placed = images.join(places, on="image", how="left", maintain_order="left")
        if unknown := placed["split"].null_count():
            raise DistilleryError(
                f"{predictions}: {unknown:,} of its images are not in {manifest}; run the stage 'predictions' again"
            )
        self._places = placed.drop("image")

    @property
    def domains(self) -> set[str]:
        """Of the images that were predicted."""
        return set(self._places["domain"].cast(pl.String).unique().drop_nulls())

    def parts(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """What may become a pseudo-label, part by part: the columns of some heads, with ``domain``."""
        return (part.filter(pl.col("split") != "val").drop("split") for part in self._parts(names))

    def empty_cells(self, name: str) -> Iterator[pl.DataFrame]:
        """The same of one head, without the cells that have a label."""
        return (part.filter(pl.col(name).is_not_null()) for part in self.parts([name]))

    def known(self, name: str, split: str) -> pl.DataFrame:
        """``image``, ``identity`` and ``truth`` of the distinct images of a split that label a head."""
        wanted = (pl.col("split") == split) & pl.col(name).is_not_null() & (pl.col("status") == READABLE)
        rows = read_table(self._manifest, ["image", "identity", "split", "status", name], only=wanted)
        return rows.select("image", "identity", truth=name).unique("image", keep="first", maintain_order=True)

    def validation(self, name: str) -> Labelled:
        """The predicted cells of one head whose truth the validation split knows."""
        return _labelled(self.beside_truth(name, "val"), name, self.heads[name])

    def beside_truth(self, name: str, split: str) -> pl.DataFrame:
        """The predictions of one head for the images of a split that label it, with ``identity`` and ``truth``."""
        found = pl.concat([part.filter(pl.col("split") == split) for part in self._parts([name])])
        return self.known(name, split).join(found, on="image", maintain_order="left")

    def frequency(self, name: str) -> np.ndarray:
        """Of each class among a head's training labels: float [groups, classes]; 0 of an element without any label."""
        wanted = (pl.col("split") == "train") & pl.col(name).is_not_null() & (pl.col("status") == READABLE)
        rows = read_table(self._manifest, ["split", "status", name], only=wanted)
        cells = labelled_cells(rows.select(name), {name: self.heads[name]})
        labels, present = cells.labels[name].double(), cells.weights[name].double()
        chances = as_chances(self.heads[name], labels.numpy()) * present.reshape(len(labels), -1, 1).numpy()
        counts = chances.sum(axis=0)
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def _parts(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        start = 0
        for part in read_parts(self._predictions, self._columns(names)):
            yield part.with_columns(self._places[start : start + len(part)])
            start += len(part)

    def _columns(self, names: Sequence[str]) -> list[str]:
        numbers = {name: isinstance(self.heads[name], Regression) for name in names}
        extra = {name: [f"{name}_variance"] if is_number else [] for name, is_number in numbers.items()}
        return ["image", *(column for name in names for column in (name, f"{name}_std", *extra[name]))]


def make_plan(predicted: Predicted, name: str, section: sections.Selection, calibrating: sections.Calibrating) -> Plan:
    """A head's calibration and its rules, each having seen what the rules before it leave.

    Raises:
        DistilleryError: held out, the head's calibration error is above the one that is allowed.
    """
    calibration = calibrate(predicted, name, calibrating)
    if calibration.error is not None and calibration.error > calibrating.worst:
        raise DistilleryError(
            f"head '{name}': its calibration error on the validation split is {calibration.error:.3f}, and "
            f"pseudo_labels.calibration.worst allows {calibrating.worst:g}: such a head's confidence selects nothing "
            "well; label more of it for validation, take another method, or raise the bound"
        )
    rules = [make_rule(rule, partial(predicted.frequency, name)) for rule in section.rules]
    fitted = fit_rules(rules, partial(evidence, predicted, name, calibration))
    return Plan(calibration, list(zip((rule.kind for rule in section.rules), fitted, strict=True)))


def calibrate(predicted: Predicted, name: str, section: sections.Calibrating) -> Calibration:
    """One head's calibration by the validation split."""
    return calibrate_head(predicted.validation(name), section.method, least=section.least)


def evidence(predicted: Predicted, name: str, calibration: Calibration) -> Iterator[Evidence]:
    """A head's cells that have no label, calibrated."""
    for part in predicted.empty_cells(name):
        yield read_cells(part, name, predicted.heads[name], calibration)


def make_rule(section: sections.Rule, frequency: Callable[[], np.ndarray]) -> Rule:
    """The library's rule for a section.

    Args:
        frequency: called only where the rule asks how frequent the labels' classes are.
    """
    match section:
        case sections.Threshold():
            return partial(threshold, least=section.least)
        case sections.TopK():
            return partial(top_k, share=section.share, frequency=frequency(), repeat=section.repeat)
        case sections.RateMatched():
            return partial(rate_matched, frequency=frequency())
        case sections.FlexMatch():
            return partial(flex_match, least=section.least)
        case sections.FreeMatch():
            return free_match
        case sections.SoftMatch():
            return soft_match
        case sections.Debiased():
            return partial(debiased, strength=section.strength)
        case sections.Uncertainty():
            negative = None if section.negative is None else (section.negative.most, section.negative.spread)
            how = section.model_dump(include={"least", "spread", "balanced"})
            return partial(uncertainty, **how, negative=negative)
        case sections.Narrow():
            return partial(narrow, width=section.width, spread=section.spread)


def _labelled(rows: pl.DataFrame, name: str, head: Head) -> Labelled:
    """Rows with ``truth`` beside the predictions of one head."""
    cells = labelled_cells(rows.select(pl.col("truth").alias(name)), {name: head})
    labels, present = cells.labels[name].numpy(), cells.weights[name].numpy() > 0
    seen = read_cells(rows, name, head, UNCALIBRATED)
    if isinstance(head, Regression):
        assert seen.width is not None
        found, truth = seen.width, labels - seen.values
        present = np.broadcast_to(present[:, None], found.shape)
    else:
        found, truth = seen.chances, as_chances(head, labels).argmax(axis=2)
        present = present[:, None] if isinstance(head, Classification) else present
    people = rows.select(pl.coalesce("identity", "image").rank("dense")).to_series().to_numpy()
    exact = found.astype(np.float64), truth.astype(np.float64 if isinstance(head, Regression) else np.int64)
    return Labelled(*exact, present, people.astype(np.int64), rows["domain"].cast(pl.String).to_numpy())


def tabulate_calibrations(plans: Mapping[str, Plan]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Errors and reliability of all heads, a row for each head and domain, and for each bin of it."""
    errors, reliability = [], []
    for name, plan in plans.items():
        errors += [{"head": name, **row} for row in plan.calibration.errors]
        reliability += [{"head": name, **row} for row in plan.calibration.reliability]
    return pl.DataFrame(errors, schema=ERRORS), pl.DataFrame(reliability, schema=RELIABILITY)
