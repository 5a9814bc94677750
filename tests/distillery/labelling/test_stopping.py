import numpy as np
import pytest

from distillery.heads import Heads
from distillery.labelling.deciding import Decider, variance
from distillery.labelling.stopping import (
    FEWEST,
    Deciders,
    Moments,
    Stopping,
    expected_changes,
    fit_stopping,
)

AROUND = {"mood": 0.7, "units": 0.6, "years": 9.0}
VIEWS, PILOT, IMAGES = 12, 300, 1200


@pytest.fixture
def deciders(heads: Heads) -> Deciders:
    return {name: Decider(head, AROUND.get(name)) for name, head in heads.items()}


def _answers(name: str, count: int, views: int, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """What views say that err alike in part and more where nothing is sure; the last two say the same."""
    width = {"mood": 3, "units": 3, "years": 1, "place": 2}[name]
    truth = draw.normal(0, 2, (1, count, width)) + draw.normal(0, 0.3, (views, 1, 1))
    said = truth + draw.normal(0, 0.5, (views, count, width)) * draw.uniform(0.2, 1, (1, count, 1))
    said[-1] = said[-2]
    if name == "mood":
        return np.exp(said) / np.exp(said).sum(axis=2, keepdims=True), None
    if name == "units":
        return 1 / (1 + np.exp(-said)), None
    own = np.broadcast_to(draw.uniform(20, 200, (1, count, width)), said.shape) if name == "years" else None
    return (50 + 8 * said if name == "years" else said / 6), own


@pytest.fixture
def moments(deciders: Deciders) -> Moments:
    """Of the pilot and, after it, of the images that the rule is tried on."""
    draw = np.random.default_rng(0)
    return {name: decider.moments(*_answers(name, PILOT + IMAGES, VIEWS, draw)) for name, decider in deciders.items()}


def _part(moments: Moments, rows: slice) -> Moments:
    return {name: values[:, rows] for name, values in moments.items()}


def _all(deciders: Deciders, count: int) -> dict[str, np.ndarray]:
    return {name: np.ones(count, dtype=bool) for name in deciders}


def _try(deciders: Deciders, rule: Stopping, moments: Moments) -> tuple[float, float, float]:
    """Share of passes, share of cells that are the same, and what share was expected: image by image."""
    used, same, expected, cells = 0, 0, 0.0, 0
    for image in range(next(iter(moments.values())).shape[1]):
        one = {name: values[:, [image]] for name, values in moments.items()}
        for count in range(FEWEST, VIEWS + 1):
            seen = {name: values[list(rule.order[:count])] for name, values in one.items()}
            if count == VIEWS:
                break
            left = expected_changes(deciders, rule.after(count), seen, _all(deciders, 1))[0]
            if left <= rule.bound:
                expected += left
                break
        used += count
        for name, decider in deciders.items():
            full = decider.decide(one[name].mean(axis=0)).outcome
            weights = np.full(count, 1 / count) if count == VIEWS else rule.after(count)[name].weights
            same += int((decider.decide(decider.estimate(seen[name], weights)).outcome == full).sum())
            cells += full.size
    images = next(iter(moments.values())).shape[1]
    return used / (images * VIEWS), same / cells, 1 - expected / cells


def test_other_images_keep_the_share_that_is_asked_for_with_fewer_views(deciders, moments):
    pilot, rest = _part(moments, slice(PILOT)), _part(moments, slice(PILOT, None))
    passes = []
    for wanted in (0.97, 0.995):
        rule = fit_stopping(deciders, pilot, _all(deciders, PILOT), wanted)
        share, same, expected = _try(deciders, rule, rest)
        assert same > wanted
        assert expected == pytest.approx(same, abs=0.004)
        passes.append(share)
    assert passes[0] < passes[1] < 0.8


def test_a_combination_errs_least_of_all_whose_weights_sum_to_one(deciders, moments):
    rule = fit_stopping(deciders, _part(moments, slice(PILOT)), _all(deciders, PILOT), 0.99)
    values, draw = moments["units"][:, :PILOT], np.random.default_rng(1)
    scale = values.std(axis=(0, 1))
    for known in rule.known["units"][:3]:
        seen = values[list(rule.order[: len(known.weights)])]

        def off(weights: np.ndarray, seen: np.ndarray = seen) -> float:
            return float((((np.tensordot(weights, seen, 1) - values.mean(axis=0)) / scale) ** 2).mean())

        assert known.weights.sum() == pytest.approx(1)
        for _ in range(20):
            step = draw.normal(0, 0.05, len(known.weights))
            assert off(known.weights) < off(known.weights + step - step.mean())


def test_the_order_begins_with_what_tells_most_and_repeats_nothing(deciders, moments):
    order = fit_stopping(deciders, _part(moments, slice(PILOT)), _all(deciders, PILOT), 0.99).order
    assert sorted(order) == list(range(VIEWS))
    assert abs(order.index(VIEWS - 1) - order.index(VIEWS - 2)) > 1

    def off(view: int) -> float:
        """The squared error of one view, of each head over that of all views."""
        found = 0.0
        for values in moments.values():
            away = (values[:, :PILOT] - values[:, :PILOT].mean(axis=0)) / values[:, :PILOT].std(axis=(0, 1))
            found += float((away[view] ** 2).mean() / (away**2).mean())
        return found

    assert order[0] == min(range(VIEWS), key=off)


def test_only_empty_cells_hold_an_image_up(deciders, moments):
    rule = fit_stopping(deciders, _part(moments, slice(PILOT)), _all(deciders, PILOT), 0.99)
    seen = {name: values[list(rule.order[:3]), PILOT:] for name, values in moments.items()}
    wanted = {name: np.zeros(IMAGES, dtype=bool) for name in deciders}
    assert expected_changes(deciders, rule.after(3), seen, wanted).max() == 0
    by_head = [expected_changes(deciders, rule.after(3), seen, wanted | {name: ~wanted[name]}) for name in deciders]
    every = expected_changes(deciders, rule.after(3), seen, _all(deciders, IMAGES))
    np.testing.assert_allclose(np.sum(by_head, axis=0), every)
    assert by_head[list(deciders).index("place")].max() == 0  # nothing of it is selected


def test_a_pilot_that_forbids_every_loss_leaves_hardly_any(deciders, moments):
    noisy = {name: values[:, :60] for name, values in moments.items()}
    rule = fit_stopping(deciders, noisy, _all(deciders, 60), 1 - 1e-9)
    assert _try(deciders, rule, _part(moments, slice(PILOT, PILOT + 100)))[1] > 0.99


def test_outcomes_margins_and_errors_as_a_loop_finds_them(deciders, moments):
    means = {name: values.mean(axis=0)[:40] for name, values in moments.items()}
    mood = deciders["mood"].decide(means["mood"])
    for row, outcome, margin in zip(means["mood"], mood.outcome[:, 0], mood.margin[:, 0], strict=True):
        best, second = sorted(row)[::-1][:2]
        kept = best >= 0.7
        assert outcome == (int(np.argmax(row)) + 1 if kept else 0)
        assert margin == pytest.approx(min(best - 0.7, (best - second) / 2) if kept else 0.7 - best)
    units = deciders["units"].decide(means["units"])
    for p, outcome, margin in zip(means["units"].ravel(), units.outcome.ravel(), units.margin.ravel(), strict=True):
        sure = max(p, 1 - p)
        assert outcome == (0 if sure < 0.6 else 1 if p > 0.5 else 2)
        assert margin == pytest.approx(min(sure - 0.6, abs(p - 0.5)) if sure >= 0.6 else 0.6 - sure)
    years = deciders["years"].decide(means["years"])
    width = np.sqrt(variance(means["years"]))[:, 0]
    assert years.outcome[:, 0].tolist() == (width <= 9).astype(int).tolist()
    assert years.outcome.min() == 0 < years.outcome.max()
    np.testing.assert_allclose(years.margin[:, 0], np.abs(np.log(width / 9)))
    assert deciders["place"].decide(means["place"]).outcome.shape == (40, 0)


def test_without_a_threshold_nothing_is_refused(heads: Heads):
    means = np.array([[0.34, 0.33, 0.33], [0.1, 0.8, 0.1]])
    found = Decider(heads["mood"], None).decide(means)
    assert found.outcome[:, 0].tolist() == [1, 2]
    np.testing.assert_allclose(found.margin[:, 0], [0.005, 0.35])


def test_the_second_moment_gives_the_variance_that_the_ensemble_has(heads: Heads):
    draw = np.random.default_rng(2)
    values, own = draw.normal(30, 5, (4, 6, 1)), draw.uniform(1, 9, (4, 6, 1))
    decider = Decider(heads["years"], 9.0)
    means = decider.estimate(decider.moments(values, own), np.full(4, 0.25))
    np.testing.assert_allclose(variance(means), values.var(axis=0) + own.mean(axis=0))
    np.testing.assert_allclose(means[:, :1], values.mean(axis=0))


def test_weights_below_0_lead_to_nothing_that_a_head_cannot_say(heads: Heads):
    weights = np.array([1.5, -0.5])
    years, mood = Decider(heads["years"], None), Decider(heads["mood"], None)
    ages = years.moments(np.array([[[95.0], [40.0]], [[10.0], [20.0]]]), None)
    assert years.estimate(ages, weights)[:, 0].tolist() == [100, 50]
    (chances,) = mood.estimate(np.array([[[0.9, 0.1, 0]], [[0.3, 0.6, 0.1]]]), weights)
    np.testing.assert_allclose(chances, [1, 0, 0])
