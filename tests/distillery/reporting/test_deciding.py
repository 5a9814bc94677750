from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import polars as pl
import pytest

from distillery.metrics.names import WHOLE
from distillery.reporting.promotion import Decision, Limits, champion_of, decide, in_plain
from distillery.reporting.results import DRAWS, TEST_GROUPS

LIMITS = Limits(gain=0, confidence=0.95, fall=0.02, gap=0.05, least=50)
PEOPLE = np.random.default_rng(0).normal(0, 0.1, 200)  # far wider than any change, but alike for all rounds
BEFORE = {("street", "mood"): 0.6, ("street", "age"): 0.5, ("lab", "mood"): 0.8}
WHOLE_OF_MOOD = ("mood", WHOLE, WHOLE)
BEHIND = {("mood", "age", "0 to 25"): (0.03, 80), ("mood", "age", "75 to 100"): (0.2, 12)}


@pytest.fixture
def judge() -> Callable[..., list[Decision]]:
    """Decide over rounds; of each its changes to the teacher, and how far its groups are behind."""

    def judge(
        *rounds: tuple[Mapping, Mapping],
        targets: tuple[str, ...] = ("street",),
        lost: Mapping = MappingProxyType({}),
        **limits,
    ) -> list[Decision]:
        scores, draws, groups = [], [], []
        for number, (changes, behind) in enumerate([({}, {}), *rounds]):
            for (dataset, head), value in BEFORE.items():
                place = {"round": f"r{number}", "dataset": dataset, "domain": "d", "head": head}
                now = value + changes.get((dataset, head), 0.0)
                scores.append({**place, "value": now})
                values = np.where(np.arange(len(PEOPLE)) < lost.get((dataset, head), 0), np.nan, now + PEOPLE)
                draws += [{**place, "draw": draw, "value": value} for draw, value in enumerate(values)]
            for (head, by, group), (gap, images) in {WHOLE_OF_MOOD: (0.0, 92), **BEHIND, **behind}.items():
                whole = BEFORE["street", head] + changes.get(("street", head), 0.0)
                place = {"round": f"r{number}", "dataset": "street", "domain": "d", "head": head}
                groups.append({**place, "by": by, "group": group, "value": whole - gap, "images": images})
        names = [f"r{number}" for number in range(len(rounds) + 1)]
        found = decide(
            pl.DataFrame(scores), pl.DataFrame(draws, schema=DRAWS), pl.DataFrame(groups, schema=TEST_GROUPS),
            names, targets, Limits(**{**vars(LIMITS), **limits}),
        )  # fmt: skip
        assert [each.round for each in found] == names[1:]
        return found

    return judge


def _failed(decision: Decision) -> list[str]:
    return [clause.name for clause in decision.clauses if not clause.holds]


def test_a_rise_that_every_draw_shows_promotes_though_people_differ_far_more(judge):
    found = judge(({("street", "mood"): 0.03, ("street", "age"): 0.01}, {}))[0]
    assert found.promoted
    assert found.against == "r0"
    assert found.clauses[0].found.startswith("+0.020 (+0.020 to +0.020) on street;")


def test_the_bound_has_to_be_above_the_gain_and_other_domains_do_not_count(judge):
    changes = {("street", "mood"): 0.03, ("street", "age"): 0.01}
    assert _failed(judge((changes, {}), gain=0.0201)[0]) == ["the mean over heads rises"]
    elsewhere = judge(({("lab", "mood"): 0.1}, {}))[0]
    assert _failed(elsewhere) == ["the mean over heads rises"]
    assert judge(({("lab", "mood"): 0.1}, {}), targets=())[0].promoted, "without a target all count"


@pytest.mark.parametrize(("fall", "failed"), [(0.019, []), (0.021, ["no head falls"])])
def test_no_head_may_fall_too_far_wherever_it_is_measured(judge, fall: float, failed: list[str]):
    found = judge(({("street", "mood"): 0.1, ("lab", "mood"): -fall}, {}))[0]
    assert _failed(found) == failed
    assert found.clauses[1].found == f"mood on lab {-fall:+.3f}; allowed is a fall of 0.02"


def test_no_group_may_fall_behind_but_small_ones_are_not_looked_at(judge):
    rise, group, small = {("street", "mood"): 0.1}, ("mood", "age", "0 to 25"), ("mood", "age", "75 to 100")
    assert judge((rise, {group: (0.079, 80)}))[0].promoted
    found = judge((rise, {group: (0.081, 80)}))[0]
    assert _failed(found) == ["no group falls behind"]
    said = found.clauses[2].found
    assert said.startswith("mood of age 0 to 25 on street: behind by +0.030, now by +0.081; allowed is a widening of")
    assert judge((rise, {small: (0.5, 12)}))[0].promoted
    assert not judge((rise, {small: (0.5, 12)}), least=12)[0].promoted


def test_a_clause_that_nothing_could_be_tested_by_is_not_called_passed(judge):
    found = judge(({("street", "mood"): 0.1}, {}), least=100)[0]
    assert [clause.answer for clause in found.clauses] == ["yes", "yes", "not tested"]
    assert found.promoted
    (_, said), *_ = in_plain([found])
    assert said["clauses"]["no group falls behind"] | {"found": ""} == {
        "answer": "not tested",
        "holds": True,
        "found": "",
    }


def test_a_group_that_was_ahead_may_lose_its_lead(judge):
    group = ("mood", "age", "0 to 25")
    found = judge(({("street", "mood"): 0.1}, {group: (-0.3, 80)}), ({("street", "mood"): 0.2}, {group: (0.04, 80)}))
    assert [each.promoted for each in found] == [True, True]


def test_a_draw_without_one_of_the_heads_is_no_draw(judge):
    """Else a head that is worse would promote a round by being seldom a number."""
    change = {("street", "mood"): 0.1, ("street", "age"): -0.08}
    assert judge((change, {}), fall=0.1)[0].promoted
    found = judge((change, {}), lost={("street", "age"): 190}, fall=0.1)[0]
    assert _failed(found) == ["the mean over heads rises"]
    assert "+0.010 (no interval, too few draws have every head) on street" in found.clauses[0].found
    assert judge((change, {}), lost={("street", "age"): 100}, fall=0.1)[0].clauses[0].found.startswith("+0.010 (+0.010")


def test_the_next_round_challenges_the_champion_not_the_round_before_it(judge):
    rise, fall = {("street", "mood"): 0.1}, {("street", "mood"): -0.1}
    found = judge((rise, {}), (fall, {}), ({("street", "mood"): 0.11}, {}))
    assert [(each.against, each.promoted) for each in found] == [("r0", True), ("r1", False), ("r1", True)]
    assert champion_of(found, "r0") == "r3"
    assert champion_of(found[:2], "r0") == "r1"
    assert champion_of([], "r0") == "r0"


@pytest.mark.parametrize("lost", [("street", "age"), ("lab", "mood")])
def test_a_head_that_has_become_undefined_has_fallen(judge, lost: tuple[str, str]):
    found = judge(({("street", "mood"): 0.1, lost: float("nan")}, {}))[0]
    assert _failed(found) == ["no head falls"]
    assert found.clauses[1].found == f"{lost[1]} on {lost[0]} -inf; allowed is a fall of 0.02"


def test_where_nothing_is_a_number_nobody_is_promoted(judge):
    found = judge(({("street", "mood"): float("nan"), ("street", "age"): float("nan")}, {}))[0]
    assert _failed(found) == ["the mean over heads rises", "no head falls"]
