import polars as pl
import pytest

from distillery.heads import Classification, Detection, Head, Regression
from distillery.reporting.cells import moved, pool_cells
from distillery.reporting.flips import count_flips

GENDER = Classification(kind="classification", classes=("male", "female"))
UNITS = Detection(kind="detection", elements=("AU1", "AU2"))
AGE = Regression(kind="regression", outputs=("years",), range=(0, 100))
IMAGES = ["a", "b", "c", "d"]


def wide(rows: list, of: pl.DataType | type[pl.DataType] = pl.Float64) -> pl.Series:
    return pl.Series(rows, dtype=pl.Array(of, len(rows[0])))


def cells(head: Head, soft: list, hard: pl.Series, kept: list[bool]) -> pl.DataFrame:
    """Of four images of the pool and a stranger, each as sure and as disputed as the next."""
    weight, sure = ([float(each) for each in kept], [0.9] * 4)
    many = isinstance(head, Detection)
    one = isinstance(head, Classification)
    pseudo = pl.DataFrame(
        {
            "image": IMAGES,
            "h_soft": wide(soft),
            "h_hard": hard,
            "h_weight": weight if one else wide([[each] * (1 + many) for each in weight]),
            "h_confidence": sure if one else wide([[each] * (1 + many) for each in sure]),
        }
    )
    stranger = pseudo[:1].with_columns(image=pl.lit("stranger"))
    spread = "h_std" if isinstance(head, Regression) else "h_agreement"
    seen = pl.DataFrame({"image": IMAGES[::-1], spread: [0.4, 0.3, 0.2, 0.1]})
    pool = pl.DataFrame({"image": IMAGES, "known": [True, False, True, False]})
    return pool_cells([stranger, pseudo], [seen], pool, "h", head)


def test_a_cell_is_sure_by_its_confidence_or_narrowness_and_disputed_by_its_views() -> None:
    found = cells(GENDER, [[0.9, 0.1]] * 4, pl.Series(["male"] * 4), [True, True, False, False])
    assert found["image"].to_list() == IMAGES, "the stranger is not of the pool"
    assert found["sureness"].to_list() == [0.9] * 4
    assert found["disputed"].to_list() == [-0.1, -0.2, -0.3, -0.4], "the less they agree, the greater"
    numbers = cells(AGE, [[30.0]] * 4, wide([[30.0]] * 4), [True] * 4)
    assert numbers["sureness"].to_list() == [-0.9] * 4
    assert numbers["disputed"].to_list() == [0.1, 0.2, 0.3, 0.4]


def test_a_class_moves_as_its_probabilities_do_but_only_where_the_decision_is_another_one() -> None:
    before = cells(GENDER, [[0.9, 0.1]] * 4, pl.Series(["male"] * 4), [True, True, False, False])
    after = cells(
        GENDER,
        [[0.1, 0.9], [0.6, 0.4], [0.4, 0.6], [0.9, 0.1]],
        pl.Series(["female", "male", "female", "male"]),
        [True, False, True, False],
    )
    found = moved(before, after, GENDER)
    assert found["moved"].to_list() == pytest.approx([0.8, 0, 0.5, 0])
    assert found["was_weight"].to_list() == [1, 1, 0, 0]
    flips = count_flips(found, "gender", GENDER)
    assert (flips.cells, flips.flipped, flips.taken, flips.dropped, flips.far) == (4, 0.5, 0.25, 0.25, None)


def test_elements_flip_and_are_kept_one_by_one() -> None:
    none = wide([[False, False]] * 4, pl.Boolean)
    some = wide([[True, False], [True, True], [False, False], [False, True]], pl.Boolean)
    before, after = (cells(UNITS, [[0.5, 0.5]] * 4, said, [True] * 4) for said in (none, some))
    after = after.with_columns(weight=wide([[1.0, 0.0]] * 4))
    flips = count_flips(moved(before, after, UNITS), "units", UNITS)
    assert (flips.cells, flips.flipped, flips.taken, flips.dropped) == (8, 0.5, 0, 0.5)
    assert after["kept"].to_list() == [True] * 4


def test_numbers_go_so_far_in_their_unit() -> None:
    young, old = (cells(AGE, [[age]] * 4, wide([[age]] * 4), [True] * 4) for age in (20.0, 27.0))
    flips = count_flips(moved(young, old, AGE), "age", AGE)
    assert (flips.cells, flips.flipped, flips.far) == (4, None, pytest.approx(7))


def test_no_cell_in_common_is_no_division_by_nothing() -> None:
    found = cells(GENDER, [[0.9, 0.1]] * 4, pl.Series(["male"] * 4), [True] * 4)
    flips = count_flips(moved(found.clear(), found, GENDER), "gender", GENDER)
    assert (flips.cells, flips.flipped, flips.taken) == (0, 0, 0)
