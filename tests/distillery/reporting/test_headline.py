import polars as pl
import pytest

from distillery.heads import Classification, Heads, Regression
from distillery.reporting.headline import compare_rounds, draw_change, mean_comparison, signed
from distillery.reporting.results import SCORES

HEADS: Heads = {
    "mood": Classification(kind="classification", classes=("sad", "happy")),
    "age": Regression(kind="regression", outputs=("years",), range=(0, 100)),
}


def table(*rows: tuple[str, str, str, float]) -> pl.DataFrame:
    """Round, head, metric and value; the interval is 0.02 to each side."""
    found = [
        {"round": r, "dataset": "lfw", "domain": "news", "head": h, "metric": m, "value": v, "way": way, "images": 9}
        | {"low": v - 0.02, "high": v + 0.02}
        for r, h, m, v in rows
        for way in ("one_view", "ensemble")
    ]
    return pl.DataFrame(found, schema=SCORES)


def test_gain_and_loss_carry_their_sign() -> None:
    scores = table(
        ("r0", "mood", "balanced_accuracy", 0.60),
        ("r1", "mood", "balanced_accuracy", 0.70),
        ("r0", "age", "ccc", 0.80),
        ("r1", "age", "ccc", 0.77),
    )
    mood, age = compare_rounds(scores, HEADS, first="r0", last="r1")
    assert (mood.said, signed(mood.change), mood.apart) == ("better, intervals apart", "+0.100", True)
    assert (age.said, signed(age.change), age.apart) == ("worse", "−0.030", False)
    mean = mean_comparison([mood, age])
    assert mean is not None
    assert (mean.before, mean.after) == pytest.approx((0.70, 0.735))
    assert draw_change(age, 0.1).count("M100.0 8H71.8") == 1  # left of the middle, to scale


def test_change_below_what_is_shown_is_none() -> None:
    scores = table(("r0", "age", "ccc", 0.8), ("r1", "age", "ccc", 0.8004))
    assert [(one.verdict, signed(one.change)) for one in compare_rounds(scores, HEADS, first="r0", last="r1")] == [
        ("same", "±0.000")
    ]


def test_balanced_accuracy_among_occurring_classes_goes_first() -> None:
    rows = [("r0", "mood", metric, 0.5) for metric in ("accuracy", "balanced_accuracy", "balanced_accuracy_among")]
    found = compare_rounds(table(*rows), HEADS, first="r0", last="r0")
    assert [one.metric for one in found] == ["balanced_accuracy_among"]


def test_head_that_one_round_lacks_is_not_compared() -> None:
    assert compare_rounds(table(("r0", "age", "ccc", 0.8)), HEADS, first="r0", last="r1") == []
    assert mean_comparison([]) is None
