from dataclasses import replace

import numpy as np
import pytest

from distillery.faces import action_units
from distillery.faces.camera import Camera
from distillery.faces.expressions import Act, prototypes
from distillery.faces.head import load_head
from distillery.faces.person import RACES, Person, sample_person
from distillery.faces.rendering import Series, _shapes, render_faces
from distillery.faces.studio import Studio

RESTING = Act(expression="neutral", intensity=1.0, actions={}, valence=0.0, arousal=0.0)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(head=load_head(), size=32)


@pytest.fixture(scope="module")
def person() -> Person:
    adult = sample_person(np.random.default_rng(3), identity="test")
    return replace(
        adult,
        style="short",
        glasses=False,
        beard=0.0,
        lipstick=0.0,
        skin=np.array([0.5, 0.35, 0.27]),
        age=25.0,
        phenotypes={**adult.phenotypes, "age": 2 / 3},
    )


def _portray(studio: Studio, camera: Camera, person: Person, act: Act = RESTING) -> np.ndarray:
    """Linear light with the same lamp, pose and background every time."""
    acting, resting = _shapes(studio.head, [person], [act])
    return studio.portray(
        person=person, act=act, acting=acting[0], resting=resting[0], camera=camera, rng=np.random.default_rng(0)
    )


def test_same_seed_same_bytes_whatever_was_drawn_before(faces, series: Series):
    pictures, truths = next(render_faces(series))
    assert pictures.tobytes() == faces[0][: len(pictures)].tobytes()
    assert truths == faces[1][: len(pictures)]


@pytest.mark.parametrize("change", [{"seed": 8}, {"domain": "webcam"}])
def test_another_seed_or_domain_shows_other_people(faces, series: Series, change: dict):
    pictures, truths = next(render_faces(replace(series, people=1, images=3, **change)))
    assert all(np.abs(a.astype(float) - b).mean() > 5 for a, b in zip(pictures, faces[0], strict=False))
    assert truths[0]["age"] != faces[1][0]["age"]


def test_shapes_types_and_ranges(faces):
    pictures, truths = faces
    assert pictures.shape == (70, 32, 32, 3) and pictures.dtype == np.uint8
    for truth in truths:
        assert (
            truth["gender"] in ("male", "female")
            and truth["race"] in RACES
            and truth["expression"] in prototypes("basic")
        )
        assert 5 <= truth["age"] <= 80 and -1 <= truth["valence"] <= 1 and -1 <= truth["arousal"] <= 1
        assert {truth[name] for name in (*action_units.UNITS, "beard", "bald", "long_hair", "lipstick", "glasses")} <= {
            0,
            1,
        }


def test_a_person_keeps_traits_and_changes_expression(faces):
    first = [truth for truth in faces[1] if truth["identity"] == "studio-0000"]
    assert len(first) == 7
    assert len({(truth["age"], truth["gender"], truth["race"], truth["glasses"]) for truth in first}) == 1
    assert len({truth["expression"] for truth in first}) > 2


def test_happy_faces_pull_lip_corners_and_part_lips(faces):
    happy = [truth for truth in faces[1] if truth["expression"] == "happy"]
    assert happy and all(truth["AU12"] == truth["AU25"] == 1 for truth in happy)


@pytest.mark.parametrize(
    "change",
    [
        {"style": "long"},
        {"glasses": True},
        {"beard": 1.0, "hair": np.full(3, 0.02)},
        {"style": "bald"},
        {"lipstick": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_attribute_shows(studio: Studio, camera: Camera, person: Person, change: dict):
    assert np.abs(_portray(studio, camera, replace(person, **change)) - _portray(studio, camera, person)).max() > 0.1


@pytest.mark.parametrize("change", [{"gender": 0.95}, {"gender": 0.05}, {"age": 1.0}, {"age": 0.2}])
def test_gender_and_age_change_the_face(studio: Studio, camera: Camera, person: Person, change: dict):
    middle = replace(person, phenotypes={**person.phenotypes, "gender": 0.5})
    changed = replace(middle, phenotypes={**middle.phenotypes, **change})
    assert np.abs(_portray(studio, camera, changed) - _portray(studio, camera, middle)).mean() > 0.004


def test_every_action_unit_shows(studio: Studio, camera: Camera, person: Person):
    rest = _portray(studio, camera, person)
    for unit in action_units.UNITS:
        act = replace(RESTING, actions=action_units.drive({unit: 1.0}))
        assert np.abs(_portray(studio, camera, person, act) - rest).max() > 0.08, unit


def test_an_open_mouth_is_dark_inside(studio: Studio, camera: Camera, person: Person):
    still = replace(camera, yaw_spread=0.0, pitch_spread=0.0, roll_spread=0.0)
    opened = replace(RESTING, actions=action_units.drive({"AU26": 1.0}))
    lower_middle = slice(18, 28), slice(13, 19)
    assert (
        _portray(studio, still, person, opened)[lower_middle].min()
        < 0.5 * _portray(studio, still, person)[lower_middle].min()
    )
