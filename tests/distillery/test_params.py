import copy
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from distillery.errors import DistilleryError
from distillery.params import Params, validate

PHOTOS = Path(__file__).parents[2] / "benchmarks" / "photos" / "params.yaml"
GONE = object()
UNLIKE = {"kind": "uncertainty", "least": 0.7, "spread": 0.1, "balanced": False}


@pytest.fixture(scope="module")
def photos() -> dict:
    return yaml.safe_load(PHOTOS.read_text())


@pytest.fixture
def changed(photos: dict) -> Callable[..., Params]:
    """The photos' parameters with one key set, or removed where the value is ``GONE``."""

    def change(key: str, value: object) -> Params:
        found = copy.deepcopy(photos)
        *parents, last = key.split(".")
        section: Any = reduce(lambda inner, part: inner[int(part) if isinstance(inner, list) else part], parents, found)
        last = int(last) if isinstance(section, list) else last
        if value is GONE:
            del section[last]
        else:
            section[last] = value
        return validate(found, "params.yaml")

    return change


def test_the_photos_parameters_are_valid(photos: dict):
    params = validate(photos, "params.yaml")
    assert params.rounds["r1"].teacher == "r0"
    assert params.student.epochs == 27
    assert params.student.learning_rate == params.teacher.learning_rate


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("surprise", 1, "surprise: unknown key; remove it or correct its spelling"),
        ("teacher.epoch", 1, r"teacher\.epoch: unknown key"),
        ("manifest.datasets.lfw.label", 1, r"manifest\.datasets\.lfw\.label: unknown key"),
        ("seed", GONE, "seed: missing key"),
        ("teacher.batch", GONE, r"teacher\.batch: missing key"),
        ("student.pseudo_labels.weight", GONE, r"student\.pseudo_labels\.weight: missing key"),
        ("teacher.batch", "many", r"teacher\.batch: .*integer.*found 'many'"),
        ("teacher.batch", 0, r"teacher\.batch: .*greater than or equal to 1 \(found 0\)"),
        ("teacher.warmup", 1.5, r"teacher\.warmup: .*less than or equal to 1"),
        ("teacher.learning_rate", -1, r"teacher\.learning_rate: .*greater than 0"),
        ("device", "tpu", r"device: .*'cpu' or 'cuda'.*found 'tpu'"),
        ("manifest.datasets.lfw.adapter", "xml", r"manifest\.datasets\.lfw\.adapter: .*'utkface'.*found 'xml'"),
        ("predictions.views", [{"kind": "spin"}], r"predictions\.views\.0\.kind: .*found 'spin'"),
        ("predictions.views", [], r"predictions\.views: .*at least 1"),
        ("predictions.ensemble", "most", r"predictions\.ensemble"),
        ("predictions.ensemble", {"same": 1, "pilot": 99, "around": {}}, r"ensemble.*same: .*less than 1"),
        ("predictions.ensemble", {"same": 0.9, "pilot": 5, "around": {}}, r"ensemble.*pilot: .*equal to 50"),
        (
            "predictions.ensemble",
            {"same": 0.9, "pilot": 99, "around": {"mood": 0.5}},
            r"predictions\.ensemble\.around names \['mood'\]; allowed: \['age', 'expression', 'gender', 'race'\]",
        ),
        (
            "predictions.ensemble",
            {"same": 0.9, "pilot": 99, "around": {"gender": 0.6}},
            r"predictions\.ensemble\.around lacks age, whose width .* limits: write age: ",
        ),
        (
            "predictions.ensemble",
            {"same": 0.9, "pilot": 99, "around": {"gender": 0.4}},
            r"predictions\.ensemble\.around\.gender is 0\.4; allowed: 0\.5 to 1",
        ),
        ("heads.gender.kind", "guess", r"heads\.gender: .*'classification', 'detection', 'regression'"),
        ("heads.gender.classes", ["x", "x"], "heads.gender.*classes holds a name twice"),
        ("heads.age.range", [5, 5], r"heads\.age.*range \[5\.0, 5\.0\] is empty"),
        ("heads.mood", {"kind": "classification", "classes": ["a", "b"]}, r"labels the head \['mood'\]"),
        (
            "manifest.datasets.lfw.heads",
            {"sex": "gender"},
            r"datasets\.lfw\.heads names \['sex'\]; allowed: \['age'",
        ),
        ("manifest.datasets.lfw.rename", {"sex": {}}, r"datasets\.lfw\.rename names \['sex'\]"),
        ("manifest.datasets.fer2013.splits", {"train": {"test": 1}}, r"train split labels the head \['expression'\]"),
        ("manifest.datasets.lfw.path", "data/images", r"lfw\.path: 'data/images' is outside data/raw/"),
        ("manifest.datasets.lfw.path", "data/raw/../x", r"lfw\.path: .* is outside data/raw/"),
        ("manifest.datasets.lfw.path", "/data/raw/x", r"lfw\.path: .* is outside data/raw/"),
        ("manifest.datasets.lfw.splits", {"all": {"test": 0.5}}, r"lfw\.splits: all: the shares sum to 0\.5"),
        (
            "manifest.datasets.lfw.splits",
            {"all": {"hidden": 1}},
            r"lfw\.splits: all: unknown split \['hidden'\]; allowed",
        ),
        ("rounds", {"r1": {"teacher": "r2"}}, r"rounds\.r1\.teacher is 'r2'; allowed: \['r0'\]"),
        (
            "rounds",
            {"r2": {"teacher": "r1"}, "r1": {"teacher": "r0"}},
            r"rounds\.r2\.teacher is 'r1'; allowed: \['r0'\]",
        ),
        ("rounds", {"r1": {"teacher": "r1"}}, r"rounds\.r1\.teacher is 'r1'"),
        ("rounds", {"r0": {"teacher": "r0"}}, "r0 is the teacher itself"),
        (
            "teacher.mixing",
            {"utkface": 1, "imdb": 1},
            r"teacher\.mixing names \['imdb'\]; allowed: \['fer2013', 'lfw', 'utkface'\]",
        ),
        ("teacher.mixing", {"pseudo_labelled": 1}, r"teacher\.mixing names \['pseudo_labelled'\]"),
        ("student.mixing", {"utkface": 0}, r"student\.mixing: every proportion is 0"),
        ("views.views", [{"kind": "flip"}], r"views\.views: .*none of them is identity"),
        ("ledger.similarity", 0.4, r"ledger\.similarity: .*greater than 0\.5"),
        ("promotion.fall", -1, r"promotion\.fall: .*greater than or equal to 0"),
        ("promotion.groups", ["mood"], r"promotion\.groups names \['mood'\]; allowed: \['age'"),
        ("tracking.experiment", "team/faces", r"tracking\.experiment: .*pattern"),
        ("student.pseudo_labels.temperature", 0, r"student\.pseudo_labels\.temperature: .*greater than 0"),
        ("student.start", "scratch", r"student\.start: .*'initial' or 'teacher'.*found 'scratch'"),
        ("student.pseudo_labels.drop", 1, r"student\.pseudo_labels\.drop: .*less than 1"),
        ("student.pseudo_labels.labelled_share", "half", r"labelled_share: .*'kept' or 'shrinking'.*found 'half'"),
        ("teacher.stochastic_depth", 1, r"teacher\.stochastic_depth: .*less than 1"),
        ("teacher.augmentation.policy", {"kind": "auto"}, r"policy: .*'auto'.*'trivial_augment', 'rand_augment'"),
        (
            "teacher.augmentation.policy",
            {"kind": "rand_augment", "operations": 2, "magnitude": 31},
            r" teacher\.augmentation\.policy\.magnitude: .*less than or equal to 30",
        ),
        ("pseudo_labels.heads.age", GONE, r"pseudo_labels\.heads lacks \['age'\]; it names every head"),
        ("pseudo_labels.heads.gender.rules.0.least", 0.4, r"gender\.rules\.0\.least is 0\.4; allowed: 0\.5 to 1"),
        ("pseudo_labels.heads.race.rules.0.least", 0.1, r"race\.rules\.0\.least is 0\.1; allowed: 0\.2 to 1"),
        (
            "pseudo_labels.heads.race.rules.0.least",
            1.1,
            r" pseudo_labels\.heads\.race\.rules\.0\.least: .*less than or equal to 1",
        ),
        ("pseudo_labels.heads.age.rules.0.width", -1, r" pseudo_labels\.heads\.age\.rules\.0\.width: .*greater than 0"),
        (
            "pseudo_labels.heads.race.rules.0",
            UNLIKE | {"negative": {"most": 0.2, "spread": 0.1}},
            r"race\.rules\.0\.negative\.most is 0\.2; allowed: below 0\.2",
        ),
        ("pseudo_labels.heads.race.rules.0", UNLIKE, r" pseudo_labels\.heads\.race\.rules\.0\.negative: missing key"),
        ("pseudo_labels.heads.age.rules", [], r"heads\.age\.rules: .*at least 1"),
        ("pseudo_labels.heads.age.rules.0", {"kind": "free_match"}, r"rules\.0\.kind is 'free_match'; .*: narrow"),
        (
            "pseudo_labels.heads.race.rules.0",
            {"kind": "narrow", "width": 1, "spread": None},
            r"race\.rules\.0\.kind is 'narrow'; allowed for a classification: all but narrow",
        ),
        ("pseudo_labels.heads.race.rules.0", {"kind": "freematch"}, r"rules\.0: .*'freematch'.*'free_match'"),
        ("pseudo_labels.calibration.method", "platt", r"calibration\.method: .*'vector'.*found 'platt'"),
        ("evaluation.confidence", 0.3, r"evaluation\.confidence: .*greater than 0\.5"),
        ("teacher.augmentation.scale", [1.2, 0.8], r"teacher\.augmentation\.scale: .*\[1\.2, 0\.8\]"),
        ("teacher.augmentation.scale", [0.0, 1.0], r"teacher\.augmentation\.scale: .*\[0\.0, 1\.0\]"),
    ],
)
def test_a_mistake_is_refused_by_its_key(changed: Callable, key: str, value: object, message: str):
    with pytest.raises(DistilleryError, match=message) as caught:
        changed(key, value)
    assert str(caught.value).startswith("params.yaml does not fit:\n  ")


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            ("student.accumulate", 4),
            ("student.pseudo_labels.drop", 0.2),
            r"drop needs whole batches; allowed: accumulate 1",
        ),
        (
            ("pseudo_labels.heads.race.targets", "hard"),
            ("student.pseudo_labels.temperature", 2),
            r"student\.pseudo_labels\.temperature: pseudo_labels\.heads\.race has hard targets",
        ),
        (
            ("heads.gender.forbids", ["blur"]),
            ("student.augmentation", {"blur": 0, "policy": {"kind": "trivial_augment"}}),
            r"student\.augmentation uses \['blur'\], which heads\.gender\.forbids",
        ),
    ],
)
def test_two_settings_that_exclude_each_other_are_refused(photos: dict, first: tuple, second: tuple, message: str):
    found = copy.deepcopy(photos)
    for section in ("teacher", "student"):
        found[section]["augmentation"]["blur"] = 0
    for key, value in (first, second):
        *path, last = key.split(".")
        section = found
        for part in path:
            section = section[part]
        section[last] = {**section[last], **value} if isinstance(value, dict) else value
    with pytest.raises(DistilleryError, match=message):
        validate(found, "params.yaml")


def test_a_value_of_none_of_several_types_has_one_line_without_their_names(photos: dict):
    found = copy.deepcopy(photos)
    found["predictions"]["views"] = [{"kind": "shift", "amount": "far"}]
    found["heads"]["age"]["weight"] = -1
    with pytest.raises(DistilleryError) as caught:
        validate(found, "params.yaml")
    age, amount = str(caught.value).splitlines()[1:]
    assert age == "  heads.age.weight: Input should be greater than 0 (found -1)"
    assert amount.startswith("  predictions.views.0.amount: Input should be a valid number")
    assert "; or: Input should be a valid tuple (found 'far')" in amount


def test_every_mistake_is_named_at_once(photos: dict):
    found = {**photos, "seed": -1, "threads": 0, "device": "tpu"}
    with pytest.raises(DistilleryError) as caught:
        validate(found, "params.yaml")
    assert [line.split(":")[0] for line in str(caught.value).splitlines()[1:]] == ["  seed", "  threads", "  device"]


@pytest.mark.parametrize("found", [None, [], "seed: 0"])
def test_a_file_that_is_no_mapping_is_refused(found: object):
    with pytest.raises(DistilleryError, match=r"params\.yaml: expected a mapping of sections, found"):
        validate(found, "params.yaml")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rounds", {}),
        ("rounds", {"r1": {"teacher": "r0"}, "x": {"teacher": "r0"}, "r2": {"teacher": "x"}}),
        ("pseudo_labels.heads.gender.rules.0.least", 0.5),
        ("pseudo_labels.heads.gender.rules.0.least", 1),
        ("pseudo_labels.heads.age.rules.0.width", 100),
        ("teacher.augmentation.scale", [1.0, 1.0]),
    ],
)
def test_what_lies_on_the_edge_is_allowed(changed: Callable, key: str, value: object):
    assert changed(key, value)


def test_every_disagreement_is_named_at_once(photos: dict):
    found = copy.deepcopy(photos)
    found["teacher"]["mixing"]["utkfaces"] = 1
    found["promotion"]["groups"] = ["sex"]
    found["tracking"]["licences"] = {"utkfaces": "none"}
    found["rounds"]["r1"]["teacher"] = "r7"
    with pytest.raises(DistilleryError) as caught:
        validate(found, "params.yaml")
    for key in ("teacher.mixing names", "promotion.groups names", "tracking.licences names", "rounds.r1.teacher is"):
        assert f"\n  {key} " in str(caught.value)


@pytest.mark.parametrize("name", ["size", "nfiles"])
def test_a_name_that_dvc_is_blind_to_is_refused(photos: dict, name: str):
    found = copy.deepcopy(photos)
    found["manifest"]["datasets"][name] = found["manifest"]["datasets"]["lfw"]
    with pytest.raises(DistilleryError, match=rf"manifest\.datasets\.{name}: DVC's cache of runs is blind"):
        validate(found, "params.yaml")
