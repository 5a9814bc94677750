from typing import Any

import pytest
import yaml

from distillery.errors import DistilleryError
from distillery.params import validate
from distillery.params.study import merge, validate_study, variant_params
from tests.world import ROOT

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
FOUND = yaml.safe_load((ROOT / "study/params.yaml").read_text())
STUDY = validate_study(FOUND, "study/params.yaml")


@pytest.mark.parametrize("variant", STUDY.variants)
def test_every_variant_is_a_sound_params_file(variant: str):
    found = validate(variant_params(PARAMS, STUDY, variant, 7), variant)
    assert found.seed == 7
    assert found.network.width == STUDY.base["network"]["width"]
    assert set(found.rounds) == set(STUDY.variants[variant].get("rounds", {}))


def test_everything_that_is_declared_is_trained_by_default():
    assert list(STUDY.trained) == list(STUDY.variants)


def test_a_network_of_one_head_draws_what_labels_it_and_its_student_everything():
    found = validate(variant_params(PARAMS, STUDY, "single_age", 0), "x")
    assert set(found.heads) == set(found.pseudo_labels.heads) == {"age"}
    assert found.teacher.mixing == {"studio": 1}
    assert set(found.student.mixing) == {"studio", "webcam", "pseudo_labelled"}
    assert found.manifest.datasets["webcam"].heads == {}
    assert found.targets == ["print"]


def test_couplings_of_heads_that_are_gone_and_lists_of_pairs_go_too():
    coupling = {"kind": "co_annotation", "classes": "expression", "elements": "action_units", "relatedness": "expert"}
    params = merge(PARAMS, {"teacher": {"couplings": [coupling]}})
    params["manifest"]["datasets"]["print"]["pairs"] = "data/raw/pairs.txt"
    assert variant_params(params, STUDY, "single_age", 0)["teacher"]["couplings"] == []
    found = variant_params(params, STUDY, "webcam_alone", 0)
    assert found["teacher"]["couplings"] == [coupling]
    assert "pairs" not in found["manifest"]["datasets"]["print"]


def test_merging_leaves_the_given_parameters_as_they_are():
    given = {"a": {"b": 1, "c": [1]}, "d": 2}
    assert merge(given, {"a": {"b": 5}, "e": 3}) == {"a": {"b": 5, "c": [1]}, "d": 2, "e": 3}
    assert given == {"a": {"b": 1, "c": [1]}, "d": 2}


def test_an_unknown_variant_is_named():
    with pytest.raises(DistilleryError, match=r"no variant 'dynamik'; allowed: .*'dynamic'"):
        variant_params(PARAMS, STUDY, "dynamik", 0)


@pytest.mark.parametrize("key", ["heads_only", "one_label_of"])
def test_a_head_that_there_is_not_is_named(key: str):
    study = validate_study({**FOUND, "variants": {**FOUND["variants"], "single_age": {key: ["agee"]}}}, "s")
    with pytest.raises(DistilleryError, match=rf"variants.single_age.{key} names \['agee'\]; allowed: \['age', "):
        variant_params(PARAMS, study, "single_age", 0)


@pytest.mark.parametrize("key", ["heads_only", "one_label_of"])
@pytest.mark.parametrize("found", ["age", [], [1]])
def test_heads_are_listed_by_name(key: str, found: object):
    with pytest.raises(DistilleryError, match=rf"variants.equal.{key} is .*; allowed: a list of heads"):
        validate_study({**FOUND, "variants": {**FOUND["variants"], "equal": {key: found}}}, "s")


def test_a_variant_says_of_which_heads_an_image_keeps_one_label():
    assert STUDY.one_label_of("partly_equal") == ("expression", "action_units")
    assert STUDY.one_label_of("equal") == ()


@pytest.mark.parametrize("name", ["study", "threshold"])
def test_the_studies_on_photographs_are_sound_too(name: str):
    study = validate_study(yaml.safe_load((ROOT / f"benchmarks/photos/{name}.yaml").read_text()), name)
    params = yaml.safe_load((ROOT / "benchmarks/photos/params.yaml").read_text())
    for variant in study.trained:
        found = validate(variant_params(params, study, variant, 0), variant)
        assert set(found.learnt) <= {"age", "gender", "race", "expression"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trained": ["dynamik"]}, "trained names 'dynamik'; allowed: .*'dynamic'"),
        ({"single": "one_{head}"}, "single names 'one_{head}'"),
        ({"single": "single_age"}, "single is 'single_age'; it has to hold {head}"),
        ({"claims": {"x": {"text": "", "better": "fixed/r9", "than": 0.1, "domains": "seen"}}}, "x names 'fixed/r9'"),
        (
            {"claims": {"x": {"text": "", "better": "dynamic", "than": "eqal/r1", "domains": "seen"}}},
            r"claims\.x names 'eqal/r1'",
        ),
        (
            {"claims": {"x": {"text": "", "better": "dynamic", "than": ["equal", "eqal"], "domains": "seen"}}},
            "names 'eqal'",
        ),
        (
            {"claims": {"x": {"text": "", "better": "dynamic", "than": "equal", "domains": "all"}}},
            r"claims\.x\.domains: .*found 'all'",
        ),
        ({"seeds": []}, "seeds"),
        ({"confidence": 95}, r"confidence: .*found 95"),
        ({"margin": 1}, "margin: unknown key"),
    ],
)
def test_a_mistake_is_named_with_its_key(changes: dict[str, Any], words: str):
    with pytest.raises(DistilleryError, match=f"study.yaml does not fit:\n.*{words}"):
        validate_study({**FOUND, **changes}, "study.yaml")
