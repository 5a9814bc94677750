"""Cells of a classification and of a detection, whole and cut in parts."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from distillery.heads import Classification, Detection, Head
from distillery.labelling.selection.evidence import Evidence

MOOD = Classification(kind="classification", classes=("calm", "glad", "sad"))
UNITS = Detection(kind="detection", elements=("left", "right"))


def make_cells(head: Head, values: Sequence, spread: Sequence | None = None) -> Evidence:
    found = np.array(values, dtype=np.float32)
    groups = found.shape[1] if isinstance(head, Detection) else 1
    deviation = np.zeros_like(found) if spread is None else np.array(spread, dtype=np.float32)
    return Evidence(head, found, deviation, None, np.ones((len(found), groups), dtype=np.float32))


@pytest.fixture(params=[MOOD, UNITS], ids=["classes", "elements"])
def many(request: pytest.FixtureRequest) -> Evidence:
    """Three hundred cells, uneven among the classes, none of them on the edge of a bin."""
    rng = np.random.default_rng(3)
    if request.param is MOOD:
        values = rng.dirichlet([3, 1, 0.5], size=300)
    else:
        values = rng.beta([0.5, 1], [1, 2], size=(300, 2))
    return make_cells(request.param, values, rng.uniform(0, 0.3, values.shape))


@pytest.fixture
def parts(many: Evidence) -> Callable[[], list[Evidence]]:
    def cut() -> list[Evidence]:
        stretches = (slice(0, 7), slice(7, 7), slice(7, 200), slice(200, 300))
        return [Evidence(many.head, many.values[s], many.spread[s], None, many.weight[s]) for s in stretches]

    return cut
