"""A head's calibration, by domain where there are enough labels, and how good it is on people whom it never saw."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from distillery.labelling.calibration.error import bins, decisions, measure
from distillery.labelling.calibration.isotonic import isotonic
from distillery.labelling.calibration.labelled import Calibrate, Labelled
from distillery.labelling.calibration.temperature import temperature
from distillery.labelling.calibration.vector import vector
from distillery.labelling.calibration.width import width

Method = Literal["none", "temperature", "vector", "isotonic"]
METHODS: Mapping[str, Callable[[Labelled], Calibrate]] = {
    "temperature": temperature,
    "vector": vector,
    "isotonic": isotonic,
}


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What was learnt of one head.

    Attributes:
        by_domain: the function for each domain with labels enough. Of another nobody knows how wrong the network is
            there, and what was learnt elsewhere makes it surer of its mistakes (docs/LOG.md): it stays as predicted.
        errors: a row for each of them: ``domain``, ``method``, ``cells``, what ``error.measure`` says ``before`` and
            ``after``, the latter of people on whom the function was not fitted.
        reliability: rows ``domain``, ``when`` (before, after), ``confidence``, ``right``, ``cells``; none of numbers.
    """

    by_domain: Mapping[str, Calibrate]
    errors: list[dict[str, object]]
    reliability: list[dict[str, object]]

    def __call__(self, found: np.ndarray, domain: str) -> np.ndarray:
        calibrate = self.by_domain.get(domain)
        return found if calibrate is None else calibrate(found)

    @property
    def error(self) -> float | None:
        """Held out, of the domain where it is largest; None where there were too few labels to know."""
        return max((float(str(row["error_after"])) for row in self.errors), default=None)


def calibrate_head(labelled: Labelled, method: Method, *, least: int) -> Calibration:
    """Fit a method to the labelled cells of the validation split, domain by domain.

    A number that has no width (one view, and no bins) has nothing to calibrate.

    Args:
        least: cells that a domain needs, of two people or more.
    """
    by_domain: dict[str, Calibrate] = {}
    errors: list[dict[str, object]] = []
    reliability: list[dict[str, object]] = []
    fit = _method(method, labelled)
    for domain in sorted(set(labelled.domains.tolist())):
        part = labelled.where(labelled.domains == domain)
        if len(part) < least or len(np.unique(part.people)) < 2 or not _has_width(part):
            continue
        by_domain[domain] = fit(part)
        held_out = _held_out(part, fit)
        before, after = measure(part), measure(held_out)
        row: dict[str, object] = {"domain": domain, "method": method, "cells": int(part.present.sum())}
        for what in before:
            row |= {f"{what}_before": before[what], f"{what}_after": after[what]}
        errors.append(row)
        if part.found.ndim == 3:
            reliability += list(_reliability(domain, {"before": part, "after": held_out}))
    return Calibration(by_domain=by_domain, errors=errors, reliability=reliability)


UNCALIBRATED = Calibration(by_domain={}, errors=[], reliability=[])


def _has_width(labelled: Labelled) -> bool:
    """Probabilities have none to lack; of numbers every output needs one."""
    return labelled.found.ndim == 3 or bool(np.median(labelled.found, axis=0).all())


def _method(method: Method, labelled: Labelled) -> Callable[[Labelled], Calibrate]:
    if method == "none":
        return lambda _: lambda found: found
    return width if labelled.found.ndim == 2 else METHODS[method]


def _held_out(labelled: Labelled, fit: Callable[[Labelled], Calibrate]) -> Labelled:
    """Each half of the people calibrated by the other half."""
    found = labelled.found.copy()
    half = np.unique(labelled.people, return_inverse=True)[1] % 2 == 0
    for learnt in (half, ~half):
        found[~learnt] = fit(labelled.where(learnt))(labelled.found[~learnt])
    return replace(labelled, found=found)


def _reliability(domain: str, when: Mapping[str, Labelled]) -> Iterator[dict[str, object]]:
    for name, part in when.items():
        right, confidence = decisions(part)
        for sure, true, count in bins(confidence, right):
            yield {"domain": domain, "when": name, "confidence": sure, "right": true, "cells": count}
