import math

import polars as pl

from distillery.reporting.alarms import find_alarms
from distillery.reporting.results import AUDIT


def audit_of(**rounds: tuple[float, float]) -> pl.DataFrame:
    """Of each round its confidence and its precision."""
    place = {"dataset": "lfw", "domain": "news", "head": "gender"}
    rows = [
        {**place, "round": key, "metric": metric, "value": value, "low": value - 0.01, "high": value + 0.01}
        for key, pair in rounds.items()
        for metric, value in zip(("confidence", "precision"), pair, strict=True)
    ]
    return pl.DataFrame(rows, schema=AUDIT)


def test_surer_and_less_often_right_is_an_alarm() -> None:
    assert find_alarms(audit_of(r1=(0.8, 0.9), r2=(0.85, 0.86))) == [
        "gender on lfw, r1 to r2: confidence rose from 0.800 to 0.850 while precision fell from 0.900 to 0.860"
    ]
    assert find_alarms(audit_of(r1=(0.8, 0.9), r2=(0.85, 0.92), r3=(0.84, 0.8))) == []
    assert find_alarms(audit_of(r1=(0.8, 0.9))) == []
    assert find_alarms(audit_of(r1=(0.8, 0.9), r2=(0.85, 0.895))) == [], "within its interval"
    assert find_alarms(audit_of(r1=(0.8, 0.9), r2=(0.85, math.nan))) == []
