"""What each optional part of training costs in a step, against equal weights without any of them."""

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import torch

from benchmarks.rows import Act, Row, compare
from benchmarks.setting import network, params, store, training_stage
from distillery.heads import Compound, names
from distillery.images.policies import Policy
from distillery.labelling.few_shot import FewShot, fine_tune
from distillery.losses.coupling.expert import expert
from distillery.methods import WeightingName
from distillery.networks.multihead import MultiHead
from distillery.training.coupling import Coupling, DistributionMatching, SoftCoAnnotation
from distillery.training.settings import PseudoLearning
from tasks.support.augmentation import make_strengths

STEPS = 4
CLASSES, ELEMENTS = "expression", "action_units"


def measure() -> Iterator[Row]:
    """Rows of the group ``methods``."""
    acts = {f"{name} weights": _act(weighting=name) for name in get_args(WeightingName) if name != "equal"}
    acts |= {coupling.name.split("-")[0]: _act(couplings=[coupling]) for coupling in _couplings()}
    acts["schedule dynamic"] = _act(schedule="dynamic")
    acts["optimiser prodigy"] = _act(optimiser="prodigy", learning_rate=1.0)
    acts["optimiser schedulefree"] = _act(optimiser="schedulefree", schedule="constant", ema=0.0)
    acts["trivial_augment"] = _act(policy=Policy(kind="trivial_augment"))
    acts["rand_augment, 2 operations"] = _act(policy=Policy(kind="rand_augment"))
    acts["stochastic depth"] = _act(network(stochastic_depth=0.2))
    acts["pseudo-labels"] = _act(supposed=True, pseudo=PseudoLearning(labelled_share="kept"))
    worst = PseudoLearning(labelled_share="kept", temperature=2, drop=0.2)
    acts["pseudo-labels, temperature 2, a fifth dropped"] = _act(supposed=True, pseudo=worst)
    acts["few-shot fine-tuning"] = _few_shot()
    for name, act in acts.items():
        yield compare("methods", name, act, _act(), against="equal weights", passes=9)


def _act(made: MultiHead | None = None, **changed: Any) -> Act:
    how = {"steps": STEPS, "batch": params().teacher.batch, "weighting": "equal", **changed}
    return training_stage(made or network(), store(64), **how)


def _few_shot() -> Act:
    """Of the demo's compounds, the same batch: without checkpoints and averages, but in float32."""
    found, batch = params(), params().teacher.batch
    head = found.heads["compound"]
    assert isinstance(head, Compound)
    images = store(64).gather(np.arange(batch))
    labels = torch.arange(batch) % len(head.classes)
    strengths = make_strengths(found.teacher.augmentation)
    model = FewShot(network(), head, found.heads, found.learnt)

    def act() -> int:
        how = {"steps": STEPS, "batch": batch, "learning_rate": 1e-4, "seed": 0}
        fine_tune(model, images.to(found.device), labels.to(found.device), strengths=strengths, **how)
        return STEPS * batch

    return act


def _couplings() -> list[Coupling]:
    related = expert(names(params().distilled[CLASSES]), names(params().distilled[ELEMENTS]))
    return [
        SoftCoAnnotation(classes=CLASSES, elements=ELEMENTS, relatedness=related, weight=1.0, temperature=0.2),
        DistributionMatching(
            classes=CLASSES, elements=ELEMENTS, relatedness=related, weight=0.2, form="bernoulli", constant="none"
        ),
    ]
