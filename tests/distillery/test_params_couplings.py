"""Couplings and methods as params.yaml declares them, on the demo's parameters."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from distillery.errors import DistilleryError
from distillery.params import Params, validate

DEMO = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())
MATCHING = {
    "kind": "distribution_matching", "classes": "expression", "elements": "action_units", "relatedness": "expert",
    "weight": 0.1, "form": "bernoulli", "constant": "none",
}  # fmt: skip


@pytest.fixture
def teacher() -> Callable[..., Params]:
    """The demo's parameters with some of the teacher's changed."""

    def change(**changed) -> Params:
        found = copy.deepcopy(DEMO)
        found["teacher"] |= changed
        return validate(found, "params.yaml")

    return change


@pytest.mark.parametrize(
    "coupling",
    [
        MATCHING,
        {**MATCHING, "relatedness": {"happy": {"AU12": 1, "AU25": 0.5}}},
        {"kind": "co_annotation", "classes": "expression", "elements": "action_units", "relatedness": "empirical"},
        {
            "kind": "soft_co_annotation", "classes": "expression", "elements": "action_units",
            "relatedness": "expert", "weight": 1, "temperature": 0.2,
        },
    ],
    ids=lambda coupling: coupling["kind"],
)  # fmt: skip
def test_every_kind_is_read(teacher: Callable[..., Params], coupling: dict):
    assert teacher(couplings=[coupling]).teacher.couplings[0].kind == coupling["kind"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "magic"}, r"teacher\.couplings\.0: .*found 'magic'|couplings\.0.*'co_annotation'"),
        (
            {"classes": "action_units"},
            r"couplings\.0\.classes is 'action_units'; allowed: a classification head, \['gender'",
        ),
        ({"elements": "affect"}, r"couplings\.0\.elements is 'affect'; allowed: a detection head, \['action_units'\]"),
        ({"elements": "wings"}, r"couplings\.0\.elements is 'wings'; allowed"),
        ({"relatedness": "guess"}, r"couplings\.0.*relatedness.*'guess'"),
        ({"relatedness": {"bored": {"AU1": 1}}}, r"relatedness names 'bored'; allowed: \['neutral'"),
        ({"relatedness": {"sad": {"AU99": 1}}}, r"relatedness\.sad names \['AU99'\]; allowed: \['AU1'"),
        ({"relatedness": {"sad": {"AU1": 1.5}}}, r"relatedness.*less than or equal to 1"),
        ({"weight": -1}, r"weight: .*greater than 0"),
        ({"form": "both"}, r"form: .*'bernoulli' or 'one_sided'"),
        ({"temperature": 1}, r"temperature: unknown key"),
    ],
)
def test_a_coupling_that_does_not_fit_is_refused(teacher: Callable[..., Params], changed: dict, message: str):
    with pytest.raises(DistilleryError, match=message):
        teacher(couplings=[{**MATCHING, **changed}])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weighting": "best"}, r"teacher\.weighting: .*'fixed'.*found 'best'"),
        ({"optimiser": "sgd"}, r"teacher\.optimiser: .*'adamw'.*found 'sgd'"),
        ({"schedule": "steps"}, r"teacher\.schedule: .*'constant'.*found 'steps'"),
        ({"weighting": "upgrad", "accumulate": 2}, r"upgrad makes one gradient .* accumulate 1, found 2"),
        ({"optimiser": "schedulefree"}, "schedulefree averages by itself; .* found cosine and 0.99"),
        (
            {"optimiser": "prodigy", "schedule": "dynamic"},
            "dynamic tunes the rate of adamw alone, found optimiser prodigy",
        ),
    ],
)
def test_methods_that_do_not_go_together_are_refused(teacher: Callable[..., Params], changed: dict, message: str):
    with pytest.raises(DistilleryError, match=message):
        teacher(**changed)


def test_a_negative_weight_of_a_head_is_refused():
    found = copy.deepcopy(DEMO)
    found["heads"]["age"]["weight"] = -1
    with pytest.raises(DistilleryError, match=r"heads\.age.*weight: .*greater than 0"):
        validate(found, "params.yaml")


def _with_head(name: str, head: dict) -> dict:
    found = copy.deepcopy(DEMO)
    found["heads"][name] = head
    return found


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": ["happily surprised", "madly glad"]}, r"heads\.compound\.classes has \['madly glad'\]; allowed"),
        ({"expression": "affect"}, r"heads\.compound\.expression is 'affect'; allowed: a classification head"),
        ({"expression": "gender"}, r"heads\.gender lacks the classes \['angry', "),
        ({"action_units": "gender"}, r"action_units is 'gender'; allowed: a detection head, or null"),
        ({"valence": "age"}, r"valence is 'age'; allowed: a regression head with the output valence, or null"),
    ],
)
def test_a_compound_that_cannot_be_scored_is_refused(changed: dict, message: str):
    with pytest.raises(DistilleryError, match=message):
        validate(_with_head("compound", {**DEMO["heads"]["compound"], **changed}), "params.yaml")


def test_compounds_are_not_learnt_and_people_not_distilled():
    found = _with_head("person", {"kind": "identification", "dimensions": 8})
    found["manifest"]["datasets"]["studio"]["heads"]["person"] = "identity"
    params = validate(found, "params.yaml")
    assert set(params.heads) - set(params.learnt) == {"compound"}
    assert set(params.learnt) - set(params.distilled) == {"person"}


@pytest.mark.parametrize("changed", [{"dimensions": 1}, {"dimensions": 8, "margin": 2}, {"dimensions": 8, "scale": 0}])
def test_an_identification_head_out_of_bounds_is_refused(changed: dict):
    with pytest.raises(DistilleryError, match=r"heads\.person.*(dimensions|margin|scale): "):
        validate(_with_head("person", {"kind": "identification", **changed}), "params.yaml")
