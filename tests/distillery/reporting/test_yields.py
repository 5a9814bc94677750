import polars as pl

from distillery.heads import Classification, Detection, Head, Heads, Regression
from distillery.reporting.results import AUDIT, GROUPS
from distillery.reporting.yields import Yield, count_yields, describe_pseudo_labels, list_groups

GENDER = Classification(kind="classification", classes=("male", "female"))
UNITS = Detection(kind="detection", elements=("AU1", "AU2"))
AFFECT = Regression(kind="regression", outputs=("valence", "arousal"), range=(-1, 1))


def two(rows: list) -> pl.Series:
    return pl.Series(rows, dtype=pl.Array(pl.Float32, 2))


def count(weights: pl.Series, head: Head, pool: str = "abc") -> Yield:
    """Of images a, b, c, ..., cut in two parts."""
    hard = ["male"] * len(weights) if isinstance(head, Classification) else two([[1, 0]] * len(weights))
    table = pl.DataFrame({"image": list("abcd")[: len(weights)], "h_weight": weights, "h_hard": hard})
    parts = [table[:1], table[1:]]
    return count_yields(parts, pl.Series(list(pool)), {"h": head}, "r1")["h"]


def test_labelled_cells_do_not_count() -> None:
    found = count(pl.Series([1.0, 0.0, None, 1.0]), GENDER)
    assert (found.kept, found.empty, found.percent) == (1, 2, 50.0)
    assert (found.kept_elsewhere, found.empty_elsewhere) == (1, 1)


def test_detection_counts_elements_and_numbers_count_images() -> None:
    weights = two([[1, 0], [1, 1], None])
    assert (count(weights, UNITS).kept, count(weights, UNITS).empty) == (3, 4)
    assert (count(weights, AFFECT).kept, count(weights, AFFECT).empty) == (1, 2)


def test_what_was_said_of_the_pool_is_counted_by_class() -> None:
    assert count(pl.Series([1.0, 0.0, None, 1.0]), GENDER).by_class == {"male": (1, 2), "female": (0, 0)}
    assert count(two([[1, 0], [0, 1], None]), UNITS).by_class == {"AU1": (1, 2), "AU2": (0, 0)}
    assert count(two([[1, 1]]), AFFECT).by_class == {}


def test_nothing_empty_is_no_division_by_nothing() -> None:
    assert count(two([None]), AFFECT).percent == 0


def test_audit_of_nothing_kept_is_shown_without_a_dot() -> None:
    heads: Heads = {"gender": GENDER}
    pseudo = pl.DataFrame({"image": ["a"], "gender_weight": [0.0], "gender_hard": ["male"]})
    values = {"precision": float("nan"), "precision_without_selection": 0.5, "yield": 0.0, "audited": 0.0}
    place = {"round": "r1", "dataset": "lfw", "domain": "news", "head": "gender"}
    rows = [{**place, "metric": metric, "value": v, "low": v, "high": v} for metric, v in values.items()]
    audit = pl.DataFrame(rows, schema=AUDIT)
    (head,) = describe_pseudo_labels(
        {"r1": [pseudo]}, pl.Series(["a"]), audit, heads, {"gender": "threshold (least 0.7)"}
    )
    assert head.audits[0].svg.count("<circle") == 1
    assert 'class="hollow"' in head.audits[0].svg


def test_groups_of_two_data_sets_stay_apart() -> None:
    rows = [
        {"round": "r1", "dataset": dataset, "domain": "d", "head": "gender", "by": "race", "group": "a"}
        | {"metric": metric, "value": value, "low": value, "high": value}
        for dataset, value in {"lfw": 0.9, "web": 0.1}.items()
        for metric in ("precision", "recall", "yield", "audited")
    ]
    found = list_groups(pl.DataFrame(rows, schema=GROUPS), "r1")
    assert [(row["dataset"], row["right"]["value"]) for row in found] == [("lfw", 0.9), ("web", 0.1)]
    assert list_groups(pl.DataFrame(rows, schema=GROUPS), "r2") == []
