import numpy as np
import pytest

from distillery.faces import action_units
from distillery.faces.expressions import MOOD, Act, affect, prototypes, sample_act


@pytest.fixture(scope="module", params=["basic", "compound"])
def emotions(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def acts(emotions: str) -> list[Act]:
    rng = np.random.default_rng(0)
    return [sample_act(rng, expressiveness=1.0, emotions=emotions) for _ in range(7000)]


def _share(acts: list[Act], expression: str, unit: str) -> float:
    return float(np.mean([action_units.read(act.actions)[unit] for act in acts if act.expression == expression]))


def test_prototypical_units_are_always_there(acts: list[Act], emotions: str):
    for expression, (always, _) in prototypes(emotions).items():
        for unit in always:
            assert _share(acts, expression, unit) == 1.0


def test_observational_units_come_as_often_as_in_the_paper(acts: list[Act], emotions: str):
    for expression, (_, sometimes) in prototypes(emotions).items():
        for unit, rate in sometimes.items():
            assert _share(acts, expression, unit) == pytest.approx(rate, abs=0.08)


def test_other_units_are_rare(acts: list[Act], emotions: str):
    for expression, (always, sometimes) in prototypes(emotions).items():
        for unit in set(action_units.UNITS) - {*always, *sometimes, "AU25"}:
            assert _share(acts, expression, unit) < 0.09


def test_affect_follows_the_expression_within_the_mood(acts: list[Act]):
    for act in acts:
        for value, strength in zip((act.valence, act.arousal), affect(act.expression), strict=True):
            assert -1 <= value <= 1
            assert abs(value - strength * act.intensity) <= MOOD + 1e-9


def test_mood_shows_in_the_corners_of_a_resting_mouth():
    rng = np.random.default_rng(0)
    acts = [sample_act(rng, expressiveness=1.0, emotions="basic") for _ in range(4000)]
    resting = [act for act in acts if act.expression == "neutral"]
    bend = [act.actions.get("mouthSmile", 0) - act.actions.get("mouthFrown", 0) for act in resting]
    assert np.corrcoef(bend, [act.valence for act in resting])[0, 1] > 0.99


def test_a_compound_is_made_of_two_emotions_and_feels_like_their_mean():
    assert set(prototypes("basic")) == {"neutral", "happy", "sad", "fearful", "angry", "surprised", "disgusted"}
    assert len(prototypes("compound")) == 12
    assert affect("happily surprised") == pytest.approx(((0.75 + 0.15) / 2, (0.40 + 0.70) / 2))
