import polars as pl

from distillery.heads import Classification, Detection, Heads, Regression
from distillery.reporting.results import AUDIT
from distillery.reporting.yields import count_yield, describe_pseudo_labels

GENDER = Classification(kind="classification", classes=("male", "female"))
UNITS = Detection(kind="detection", elements=("AU1", "AU2"))
AFFECT = Regression(kind="regression", outputs=("valence", "arousal"), range=(-1, 1))


def two(rows: list) -> pl.Series:
    return pl.Series(rows, dtype=pl.Array(pl.Float32, 2))


def test_labelled_cells_do_not_count() -> None:
    found = count_yield(pl.Series([1.0, 0.0, None, 1.0]), pl.Series([True, True, True, False]), GENDER, "r1")
    assert (found.kept, found.empty, found.percent) == (1, 2, 50.0)
    assert (found.kept_elsewhere, found.empty_elsewhere) == (1, 1)


def test_detection_counts_elements_and_numbers_count_images() -> None:
    weights, inside = two([[1, 0], [1, 1], None]), pl.Series([True, True, True])
    assert (count_yield(weights, inside, UNITS, "r1").kept, count_yield(weights, inside, UNITS, "r1").empty) == (3, 4)
    assert (count_yield(weights, inside, AFFECT, "r1").kept, count_yield(weights, inside, AFFECT, "r1").empty) == (1, 2)


def test_nothing_empty_is_no_division_by_nothing() -> None:
    assert count_yield(two([None]), pl.Series([True]), AFFECT, "r1").percent == 0


def test_audit_of_nothing_kept_is_shown_without_a_dot() -> None:
    heads: Heads = {"gender": GENDER}
    pseudo = pl.DataFrame({"image": ["a"], "gender_weight": [0.0]})
    values = {"precision": float("nan"), "precision_without_selection": 0.5, "yield": 0.0, "audited": 0.0}
    place = {"round": "r1", "dataset": "lfw", "domain": "news", "head": "gender"}
    rows = [{**place, "metric": metric, "value": v, "low": v, "high": v} for metric, v in values.items()]
    audit = pl.DataFrame(rows, schema=AUDIT)
    (head,) = describe_pseudo_labels({"r1": pseudo}, pl.Series(["a"]), audit, heads, {"gender": 0.7})
    assert head.audits[0].svg.count("<circle") == 1
    assert 'class="hollow"' in head.audits[0].svg
