import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from distillery.heads import Heads
from distillery.labelling.calibration.fit import UNCALIBRATED, Calibration
from distillery.labelling.pseudo_labels import Plan, select
from distillery.labelling.selection.narrow import narrow
from distillery.labelling.selection.threshold import threshold
from distillery.labelling.selection.uncertainty import uncertainty
from distillery.tables import predictions_schema, pseudo_labels_schema, write_table

REFUSED = "refused by threshold"


def plans(mood: float = 0.6, units: float = 0.8, years: float = 5.0, place: float = 0.2) -> dict[str, Plan]:
    sure = {"mood": mood, "units": units}
    close = {"years": years, "place": place}
    rules = {name: ("threshold", threshold([], least=least)) for name, least in sure.items()}
    rules |= {name: ("narrow", narrow([], width=width, spread=None)) for name, width in close.items()}
    return {name: Plan(UNCALIBRATED, [rule]) for name, rule in rules.items()}


@pytest.fixture
def predictions(heads: Heads) -> pl.DataFrame:
    """Sure, unsure, labelled, and exactly on the threshold."""
    rows = [
        {"mood": [0.1, 0.7, 0.2], "units": [0.9, 0.1, 0.5], "years": [30.0], "years_variance": [16.0],
         "place": [0.1, 0.2], "place_variance": [0.01, 0.01]},
        {"mood": [0.5, 0.3, 0.2], "units": [0.6, 0.7, 0.3], "years": [30.0], "years_variance": [36.0],
         "place": [0.1, 0.2], "place_variance": [0.01, 0.09]},
        dict.fromkeys(["mood", "units", "years", "years_variance", "place", "place_variance"]),
        {"mood": [0.25, 0.125, 0.625], "units": [0.75, 0.0, 1.0], "years": [99.0], "years_variance": [25.0],
         "place": [0.0, 0.0], "place_variance": [0.0, 0.0625]},
    ]  # fmt: skip
    table = pa.Table.from_pylist(
        [{"image": f"i{index}", "views": 2, **row} for index, row in enumerate(rows)], schema=predictions_schema(heads)
    )
    return pl.DataFrame(table).with_columns(domain=pl.lit("d"))


@pytest.fixture
def selected(predictions: pl.DataFrame, heads: Heads) -> dict[str, list]:
    table = select(predictions, heads, plans(mood=0.625, units=0.75, place=0.25))
    return table.cast(pseudo_labels_schema(heads)).to_pydict()


def test_what_is_sure_enough_is_kept_with_its_reason(selected: dict[str, list]):
    assert selected["image"] == ["i0", "i1", "i2", "i3"]
    assert selected["mood_weight"] == [1, 0, None, 1]
    assert selected["mood_reason"] == ["kept", REFUSED, "labelled", "kept"]
    assert selected["mood_confidence"] == pytest.approx([0.7, 0.5, None, 0.625])


def test_elements_are_kept_one_by_one_for_sure_yes_and_sure_no(selected: dict[str, list]):
    assert selected["units_weight"] == [[1, 1, 0], [0, 0, 0], None, [1, 1, 1]]
    assert selected["units_reason"] == ["kept", REFUSED, "labelled", "kept"]
    assert selected["units_confidence"][0] == pytest.approx([0.9, 0.9, 0.5])


def test_numbers_are_kept_by_their_deviation_and_one_wide_output_refuses_all(selected: dict[str, list]):
    assert selected["years_weight"] == [[1], [0], None, [1]]
    assert selected["years_confidence"] == [[4], [6], None, [5]]
    assert selected["place_weight"] == [[1, 1], [0, 0], None, [1, 1]]
    assert selected["place_reason"] == ["kept", "refused by narrow", "labelled", "kept"]


def test_what_a_refused_cell_is_not_has_its_own_column_and_reason(predictions: pl.DataFrame, heads: Heads):
    rule = uncertainty([], least=0.65, spread=1, balanced=False, negative=(0.2, 1))
    table = select(predictions, heads, plans() | {"mood": Plan(UNCALIBRATED, [("uncertainty", rule)])})
    found = table.cast(pseudo_labels_schema(heads)).to_pydict()
    assert found["mood_reason"] == ["kept", "negative", "labelled", "negative"]
    assert found["mood_weight"] == [1, 0, None, 0]
    assert found["mood_negative"] == [[False] * 3, [False, False, True], None, [False, True, False]]


def test_soft_values_are_the_predictions_and_hard_ones_the_decision(
    selected: dict[str, list], predictions: pl.DataFrame
):
    for name in plans():
        assert selected[f"{name}_soft"] == predictions[name].to_list()
    assert selected["mood_hard"] == ["glad", "calm", None, "sad"]
    assert selected["units_hard"] == [[True, False, True], [True, True, False], None, [True, False, True]]
    assert selected["years_hard"] == [[30], [30], None, [99]]


def test_a_variance_that_rounded_below_zero_is_the_surest_of_all(predictions: pl.DataFrame, heads: Heads):
    below = pl.Series("years_variance", [[-1e-3]] * 4, dtype=predictions.schema["years_variance"])
    found = select(predictions.with_columns(below), heads, plans()).to_pydict()
    assert found["years_weight"][0] == [1]
    assert found["years_confidence"][0] == [0]


def test_the_table_fits_its_schema(predictions: pl.DataFrame, heads: Heads, tmp_path):
    write_table(select(predictions, heads, plans()), pseudo_labels_schema(heads), tmp_path / "p.parquet")
    nothing = select(predictions.clear(), heads, plans())
    assert len(nothing.cast(pseudo_labels_schema(heads))) == 0


def test_what_calibration_says_is_stored_by_domain(predictions: pl.DataFrame, heads: Heads):
    def hotter(found: np.ndarray) -> np.ndarray:
        scores = found**0.25
        return scores / scores.sum(axis=2, keepdims=True)

    calibration = Calibration(by_domain={"print": hotter}, errors=[], reliability=[])
    double = Calibration(by_domain={"print": lambda width: 2 * width}, errors=[], reliability=[])
    made = plans(mood=0.5)
    made |= {"mood": Plan(calibration, made["mood"].rules), "years": Plan(double, made["years"].rules)}
    rows = predictions.with_columns(domain=pl.Series(["print", "d", "d", "d"]))
    found = select(rows, heads, made).to_pydict()
    roots = np.array([0.1, 0.7, 0.2]) ** 0.25
    assert found["mood_soft"][0] == pytest.approx(roots / roots.sum())
    assert found["mood_confidence"][:2] == pytest.approx([(roots / roots.sum()).max(), 0.5])
    assert found["mood_weight"] == [0, 1, None, 1]
    assert found["years_confidence"] == [[8], [6], None, [5]]


def test_the_rule_that_refused_a_cell_is_named(predictions: pl.DataFrame, heads: Heads):
    first = threshold([], least=0.6)
    made = plans() | {"mood": Plan(UNCALIBRATED, [("threshold", first), ("flex_match", threshold([], least=0.65))])}
    found = select(predictions, heads, made).to_pydict()
    assert found["mood_reason"] == ["kept", "refused by threshold", "labelled", "refused by flex_match"]
