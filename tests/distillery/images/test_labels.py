import pytest

from distillery.heads import Classification, Detection, Regression
from distillery.images.labels import LabelError, parse_label

MOOD = Classification(kind="classification", classes=("calm", "glad"))
UNITS = Detection(kind="detection", elements=("a", "b"))
YEARS = Regression(kind="regression", outputs=("years",), range=(0, 100))
PLACE = Regression(kind="regression", outputs=("x", "y"), range=(-1, 1))
NAN = float("nan")


@pytest.mark.parametrize(
    ("head", "raw", "cell"),
    [
        (MOOD, "calm", "calm"),
        (MOOD, "happy", "glad"),
        (MOOD, 1, "glad"),
        (MOOD, "contempt", None),
        (MOOD, None, None),
        (MOOD, "", None),
        (MOOD, NAN, None),
        (UNITS, [1, "0"], [True, False]),
        (UNITS, ["True", 0.0], [True, False]),
        (UNITS, [None, "1"], [None, True]),
        (UNITS, [None, ""], None),
        (UNITS, None, None),
        (YEARS, "31", [31.0]),
        (YEARS, 0, [0.0]),
        (YEARS, 100.0, [100.0]),
        (YEARS, NAN, None),
        (YEARS, "", None),
        (YEARS, None, None),
        (PLACE, ["0.5", -1], [0.5, -1.0]),
        (PLACE, [0.5, None], None),
    ],
)
def test_a_label_becomes_a_cell(head: object, raw: object, cell: object):
    assert parse_label(head, raw, {"happy": "glad", "1": "glad", "contempt": None}) == cell


@pytest.mark.parametrize(
    ("head", "raw", "message"),
    [
        (MOOD, "angry", "unknown class 'angry'; allowed: .*'calm', 'glad'.*rename"),
        (MOOD, "Calm", "unknown class 'Calm'"),
        (UNITS, [2, 1], "2 is no yes/no"),
        (UNITS, [1], "1 columns for 2 values"),
        (YEARS, "old", "'old' is no number"),
        (YEARS, "101", "101 is outside the range 0 to 100"),
        (YEARS, -0.5, "-0.5 is outside the range"),
        (YEARS, "inf", "outside the range"),
        (PLACE, [0.1, 0.2, 0.3], "3 columns for 2 values"),
    ],
)
def test_a_label_that_does_not_fit_is_refused(head: object, raw: object, message: str):
    with pytest.raises(LabelError, match=message):
        parse_label(head, raw, {})
