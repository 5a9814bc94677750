import polars as pl

from distillery.heads import Classification
from distillery.reporting.decisions import count_pairs, describe_decisions
from distillery.reporting.results import CONFUSION, RELIABILITY

CLASSES = ("sad", "happy", "angry")


def test_rows_are_what_is_true_and_sum_to_a_hundred() -> None:
    pairs = pl.DataFrame(
        {"actual": ["happy"] * 4 + ["sad"], "predicted": ["happy", "happy", "happy", "angry", "happy"]}
    )
    matrix = count_pairs(pairs, "r0", CLASSES)
    assert list(matrix.rows) == ["sad", "happy"]  # none is angry
    assert [cell.percent for cell in matrix.rows["happy"]] == [0, 75, 25]
    assert [cell.count for cell in matrix.rows["sad"]] == [0, 1, 0]


def test_teacher_stands_beside_the_last_round() -> None:
    place = {"dataset": "lfw", "domain": "news", "head": "mood"}
    pairs = [
        {**place, "round": key, "actual": "sad", "predicted": said} for key, said in (("r0", "happy"), ("r2", "sad"))
    ]
    bins = [{**place, "round": key, "confidence": 0.7, "accuracy": 0.5, "images": 1.0} for key in ("r0", "r2")]
    heads = {"mood": Classification(kind="classification", classes=CLASSES)}
    tables = pl.DataFrame(pairs, schema=CONFUSION), pl.DataFrame(bins, schema=RELIABILITY)
    (found,) = describe_decisions(*tables, heads, ["r0", "r2"])
    assert [matrix.round for matrix in found.matrices] == ["r0", "r2"]
    assert found.matrices[1].rows["sad"][0].percent == 100
    assert found.reliability.count("<circle") == 2
