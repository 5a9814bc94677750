import numpy as np
import polars as pl
import pytest

from distillery.params.study import Claim
from distillery.reporting.study.compare import DRAWS, POINTS, Difference, Networks

DATASETS = {"studio": ("age",), "webcam": ("mood",), "print": ("age", "mood")}
# variant/round, head -> how good it is
WORTH = {
    ("several/r0", "age"): 0.6,
    ("several/r0", "mood"): 0.5,
    ("several/r1", "age"): 0.7,
    ("several/r1", "mood"): 0.7,
    ("other/r0", "age"): 0.5,
    ("other/r0", "mood"): 0.55,
    ("single_age/r0", "age"): 0.55,
    ("single_mood/r0", "mood"): 0.6,
}
PEOPLE = np.random.default_rng(0).normal(0, 0.2, 50)  # what a draw of people adds, alike for every network
SEEDS = (-0.01, 0.0, 0.01)


def _networks(seeds: int = 3) -> Networks:
    points, draws, validation = [], [], []
    for (name, head), value in WORTH.items():
        variant, _, key = name.partition("/")
        for seed in range(seeds):
            validation.append({"variant": variant, "seed": seed, "loss": 1 - value})
            for dataset, heads in DATASETS.items():
                if head in heads:
                    where = {"variant": variant, "seed": seed, "round": key, "dataset": dataset, "head": head}
                    worth = value + SEEDS[seed] * (variant == "several")
                    points.append({**where, "value": worth})
                    draws += [{**where, "value": worth + p, "draw": n} for n, p in enumerate(PEOPLE)]
    return Networks(
        pl.DataFrame(points, schema=POINTS),
        pl.DataFrame(draws, schema=DRAWS),
        pl.DataFrame(validation),
        targets=["print"],
        resamples=5000,
        confidence=0.9,
    )


def _compare(claim: dict, seeds: int = 3) -> dict[str, Difference]:
    return _networks(seeds).compare(Claim(**{"text": "", "domains": "seen", **claim}), ["age", "mood"])


def test_the_people_that_both_see_cancel_and_the_spread_of_seeds_stays():
    found = _compare({"better": "several", "than": "other"})
    assert found["age"].value == pytest.approx(0.1)
    assert found["mood"].value == pytest.approx(-0.05)
    assert found["mean"].value == pytest.approx(0.025)
    half = 2.920 * np.std(SEEDS, ddof=1) / 3**0.5  # Student's t of two degrees of freedom, 5 % on each side
    assert (found["age"].low, found["age"].high) == pytest.approx((0.1 - half, 0.1 + half), abs=half / 8)
    assert found["age"].seeds == 3


def test_one_seed_has_no_spread_but_that_of_people():
    found = _compare({"better": "several", "than": 0.3}, seeds=1)["age"]
    assert found.value == pytest.approx(0.29)
    assert found.high - found.low == pytest.approx(np.subtract(*np.percentile(PEOPLE, [95, 5])), rel=0.05)
    assert found.verdict(0) == "open: too few seeds"


def test_each_head_has_a_network_of_its_own():
    found = _compare({"better": "several", "than": "single_{head}"})
    assert found["age"].value == pytest.approx(0.05)
    assert found["mood"].value == pytest.approx(-0.1)


def test_negative_transfer_counts_only_what_falls_below_the_baseline():
    found = _compare({"better": "several", "than": "other", "baseline": "single_{head}"})
    assert found["age"].value == pytest.approx(0.05), "0 against -.05"
    assert found["mood"].value == pytest.approx(-0.05), "-.1 against -.05"


def test_rounds_domains_and_other_heads_are_told_apart():
    assert _compare({"better": "several/r1", "than": "several", "domains": "target"})["mood"].value == pytest.approx(
        0.2
    )
    crossed = _compare(
        {"better": "several", "than": "several", "heads": ["age"], "than_head": "mood", "domains": "target"}
    )
    assert crossed["age"].value == pytest.approx(0.1)


def test_of_several_the_one_with_the_least_validation_loss_is_meant():
    networks = _networks()
    assert networks.best(["other", "several"]) == "several"
    found = _compare({"better": "single_age", "than": ["other", "several"]})
    assert found["age"].value == pytest.approx(-0.05)


def test_where_one_of_several_is_not_trained_or_no_loss_is_a_number_nothing_is_the_best():
    networks = _networks()
    assert networks.best(["missing", "other"]) is None
    assert _compare({"better": "several", "than": ["missing", "other"]}) == {}
    networks._validation = networks._validation.with_columns(loss=float("nan"))
    assert networks.best(["other", "several"]) is None


def test_the_people_do_not_average_out_over_seeds():
    """Against a number nothing cancels: the interval is as wide with three seeds as with one."""
    one, three = (_compare({"better": "other", "than": 0.3}, seeds=seeds)["age"] for seeds in (1, 3))
    assert three.high - three.low == pytest.approx(one.high - one.low, rel=0.05)


def test_heads_of_different_seeds_have_nothing_in_common():
    networks = _networks()
    networks._worth["several", "r0", "age", "seen"].pop(0)
    networks._worth["several", "r0", "mood", "seen"] = {0: networks._worth["several", "r0", "mood", "seen"][0]}
    claim = Claim(text="", better="several", than="other", domains="seen")
    assert networks.compare(claim, ["age", "mood"]) == {}


def test_what_is_not_trained_compares_to_nothing():
    assert _compare({"better": "missing", "than": "other"}) == {}
    assert _networks().worth("several/r9", "age", "seen") == {}


@pytest.mark.parametrize(
    ("low", "high", "margin", "verdict"),
    [
        (0.01, 0.2, 0, "holds"),
        (-0.01, 0.2, 0, "open"),
        (-0.01, 0.2, 0.02, "holds"),
        (-0.2, -0.01, 0, "refuted"),
        (-0.2, -0.01, 0.02, "open"),
        (-0.2, -0.03, 0.02, "refuted"),
    ],
)
def test_a_claim_holds_or_is_refuted_where_the_whole_interval_says_so(low, high, margin, verdict):
    assert Difference(value=0, low=low, high=high, seeds=3).verdict(margin) == verdict
