"""What each head weighting, coupling, schedule and optimiser costs in a training step, against equal weights."""

from collections.abc import Iterator
from typing import get_args

from benchmarks.rows import Act, Row, compare
from benchmarks.setting import network, params, store, training_stage
from distillery.heads import names
from distillery.losses.coupling.expert import expert
from distillery.methods import WeightingName
from distillery.training.coupling import Coupling, DistributionMatching, SoftCoAnnotation

STEPS = 4
CLASSES, ELEMENTS = "expression", "action_units"


def measure() -> Iterator[Row]:
    """Rows of the group ``methods``."""
    acts = {f"{name} weights": _act(weighting=name) for name in get_args(WeightingName) if name != "equal"}
    acts |= {coupling.name.split("-")[0]: _act(couplings=[coupling]) for coupling in _couplings()}
    acts["schedule dynamic"] = _act(schedule="dynamic")
    acts["optimiser prodigy"] = _act(optimiser="prodigy", learning_rate=1.0)
    acts["optimiser schedulefree"] = _act(optimiser="schedulefree", schedule="constant", ema=0.0)
    for name, act in acts.items():
        yield compare("methods", name, act, _act(), against="equal weights", passes=9)


def _act(**changed: object) -> Act:
    batch = params().teacher.batch
    return training_stage(network(), store(64), steps=STEPS, batch=batch, **{"weighting": "equal", **changed})


def _couplings() -> list[Coupling]:
    related = expert(names(params().distilled[CLASSES]), names(params().distilled[ELEMENTS]))
    return [
        SoftCoAnnotation(classes=CLASSES, elements=ELEMENTS, relatedness=related, weight=1.0, temperature=0.2),
        DistributionMatching(
            classes=CLASSES, elements=ELEMENTS, relatedness=related, weight=0.2, form="bernoulli", constant="none"
        ),
    ]
