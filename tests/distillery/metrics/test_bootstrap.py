from collections import Counter

import numpy as np
import pytest
import torch

from distillery.metrics.bootstrap import draw, interval, interval_over_seeds

PEOPLE = [f"p{index // 10}" for index in range(200)]
# What an image gets right depends on who it shows: 20 people, ten images each.
RIGHT = torch.tensor(np.repeat(np.random.default_rng(0).random(20), 10) + np.random.default_rng(1).normal(0, 0.05, 200))


def _mean(rows: torch.Tensor) -> dict[str, float]:
    return {"mean": float(RIGHT[rows].mean())}


def _interval(units: list[str], *, confidence: float = 0.95, seed: int = 0) -> tuple[float, float]:
    return interval(draw(_mean, units, resamples=300, seed=seed)["mean"], confidence)


def test_the_interval_contains_the_value_and_is_about_as_wide_as_theory_says():
    low, high = _interval(PEOPLE)
    assert low < float(RIGHT.mean()) < high
    error = RIGHT.view(20, 10).mean(dim=1).std(correction=0).item() / 20**0.5
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_people_give_a_wider_interval_than_images_where_images_of_one_are_alike():
    people, images = _interval(PEOPLE), _interval([str(index) for index in range(200)])
    assert people[1] - people[0] > 2 * (images[1] - images[0])


def test_more_confidence_is_wider_and_the_seed_decides():
    low, high = _interval(PEOPLE)
    lower, higher = _interval(PEOPLE, confidence=0.99)
    assert lower < low < high < higher
    assert _interval(PEOPLE) == (low, high) != _interval(PEOPLE, seed=1)


def test_whole_people_are_drawn_as_many_as_there_are():
    seen = []
    draw(lambda rows: {"n": float(seen.append(rows.tolist()) or len(rows))}, PEOPLE, resamples=20, seed=0)
    for rows in seen:
        assert len(rows) == 200
        times = Counter(rows)
        assert all(len({times[row] for row in range(10 * p, 10 * p + 10)}) == 1 for p in range(20))


def test_units_need_not_lie_together():
    units = ["b", "a", "b", "c", "a"]
    seen = []
    draw(lambda rows: {"n": float(seen.append(rows.tolist()) or 0)}, units, resamples=30, seed=0)
    for rows in seen:
        times = Counter(rows)
        assert times[0] == times[2]
        assert times[1] == times[4]


def test_a_draw_without_an_answer_is_left_out():
    def score(rows: torch.Tensor) -> dict[str, float]:
        return {"x": float("nan") if rows.tolist().count(0) > 1 else rows.tolist().count(0) / 4}

    found = draw(score, list("abcd"), resamples=50, seed=0)["x"]
    assert np.isnan(found).any()
    assert interval(found, 0.9) == (0, 0.25)
    assert np.isnan(interval(found[np.isnan(found)], 0.9)).all()


def test_few_draws_with_an_answer_say_nothing():
    values = np.full(100, np.nan)
    values[:49] = [0.5] * 24 + [0.75] * 25
    assert np.isnan(interval(values, 0.9)).all()
    values[49] = 0.5
    assert interval(values, 0.9) == (0.5, 0.75)
    values[:90] = 0.5
    assert np.isnan(interval(values, 0.9)).all(), "the same people again and again"
    assert interval(np.full(100, 0.5), 0.9) == (0.5, 0.5)


def test_the_edges_are_the_percentiles_that_the_confidence_leaves_outside():
    assert interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))


def test_one_seed_draws_the_same_people_for_any_score():
    seen: list[list[int]] = []
    for factor in (1, 2):
        score = lambda rows, factor=factor: {"n": float(seen.append(rows.tolist()) or factor)}  # noqa: E731
        draw(score, PEOPLE, resamples=20, seed=3)
    assert seen[:21] == seen[21:]


def test_units_without_a_row_are_drawn_too_so_that_two_choices_of_rows_are_pairs():
    everyone = [f"p{number:02}" for number in range(20)]
    some, others = everyone[:12], everyone[6:]
    drawn: dict[str, list[Counter[str]]] = {"some": [], "others": []}
    for name, units in (("some", some), ("others", others)):
        score = lambda rows, name=name, units=units: {  # noqa: E731
            "n": float(drawn[name].append(Counter(units[row] for row in rows.tolist())) or 0)
        }
        draw(score, units, among=everyone, resamples=20, seed=0)
    for one, other in zip(*drawn.values(), strict=True):
        assert {unit: one[unit] for unit in some[6:]} == {unit: other[unit] for unit in some[6:]}


def test_a_draw_of_none_who_has_a_row_is_not_a_number():
    found = draw(lambda rows: {"n": float(len(rows))}, ["a"], among=list("abcd"), resamples=50, seed=0)["n"]
    assert np.isnan(found).sum() == pytest.approx(50 * 0.75**4, abs=8)
    assert np.nanmin(found) == 1


@pytest.mark.parametrize(("seeds", "people"), [(3, 0.0), (3, 1.0), (5, 0.3)])
def test_an_interval_over_seeds_holds_the_truth_as_often_as_it_says(seeds: int, people: float):
    generator = np.random.default_rng(0)
    held = []
    for _ in range(400):
        shared = generator.normal(0, people)  # whom all seeds are tested on
        points = shared + generator.normal(0, 1, seeds)
        draws = points[:, None] + generator.normal(0, people, (seeds, 300))
        low, high = interval_over_seeds(points, draws, resamples=500, confidence=0.9, seed=0)
        held.append(low < 0 < high)
    assert np.mean(held) == pytest.approx(0.9, abs=0.05)


def test_one_seed_has_the_interval_of_its_people():
    low, high = interval_over_seeds(
        np.array([0.5]), np.linspace(0.4, 0.6, 1001)[None], resamples=4000, confidence=0.9, seed=0
    )
    assert (low, high) == pytest.approx((0.41, 0.59), abs=0.01)
