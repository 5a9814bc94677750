from distillery.heads import Classification, Detection, Regression
from distillery.reporting.captions import describe

MOOD = Classification(kind="classification", classes=("sad", "happy"))
UNITS = Detection(kind="detection", elements=("AU1", "AU2", "AU4"))
AFFECT = Regression(kind="regression", outputs=("valence", "arousal"), range=(-1, 1))
AGE = Regression(kind="regression", outputs=("years",), range=(0, 100))


def test_class_is_right_wrong_or_open() -> None:
    row = {"hard": "happy", "confidence": 0.87, "agreement": 0.5}
    assert describe({**row, "truth": "happy"}, MOOD).verdict == "right"
    wrong = describe({**row, "truth": "sad"}, MOOD)
    assert (wrong.verdict, wrong.truth, wrong.confidence) == ("wrong", "truth: sad", "0.87 · 50% agree")
    unknown = describe({**row, "truth": None}, MOOD)
    assert (unknown.verdict, unknown.truth) == ("open", "")


def test_only_kept_elements_with_a_known_truth_are_counted() -> None:
    row = {"hard": [True, True, True], "weight": [1, 1, 0], "confidence": [0.9, 0.8, 0.5], "agreement": [1, 1, 0.5]}
    caption = describe({**row, "truth": [True, False, True]}, UNITS)
    assert (caption.value, caption.truth) == ("AU1 AU2", "1 of 2 kept right")
    assert describe({**row, "truth": [None, False, True]}, UNITS).truth == "0 of 1 kept right"


def test_refused_elements_are_all_counted() -> None:
    row = {"hard": [True, False, False], "weight": [0, 0, 0], "confidence": [0.6] * 3, "agreement": [1] * 3}
    caption = describe({**row, "truth": [True, False, True]}, UNITS)
    assert (caption.value, caption.truth) == ("AU1", "2 of 3 right")


def test_numbers_carry_names_or_their_unit() -> None:
    years = describe({"soft": [31.6], "confidence": [4.2], "std": [1.4], "truth": [35.0]}, AGE)
    assert (years.value, years.confidence, years.truth) == ("32 years", "± 4 · views ± 1", "truth: 35")
    both = describe({"soft": [0.5, -0.25], "confidence": [0.1, 0.3], "std": [0.0, 0.1], "truth": None}, AFFECT)
    assert (both.value, both.confidence) == ("valence 0.50, arousal −0.25", "± 0.20 · views ± 0.05")
