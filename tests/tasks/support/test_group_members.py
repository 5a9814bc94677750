import polars as pl

from distillery.heads import Classification, Detection, Regression
from tasks.support.scores import group_members

HEADS = {
    "age": Regression(kind="regression", outputs=("years",), range=(0, 100)),
    "gender": Classification(kind="classification", classes=("male", "female")),
    "affect": Regression(kind="regression", outputs=("valence", "arousal"), range=(-1, 1)),
    "units": Detection(kind="detection", elements=("AU1",)),
}
ROWS = pl.DataFrame(
    {"age": [[0.0], [25.0], [100.0], None], "gender": ["male", None, "female", "male"]},
    schema_overrides={"age": pl.Array(pl.Float32, 1), "gender": pl.Categorical},
).with_columns(affect=pl.lit(None), units=pl.lit(None))


def test_people_are_grouped_by_class_and_by_band_and_the_unknown_by_none():
    found = group_members(ROWS, HEADS)
    assert {name: list(groups) for name, groups in found.items()} == {
        "age": ["0 to 25", "25 to 50", "50 to 75", "75 to 100"],
        "gender": ["male", "female"],
    }
    assert found["gender"]["male"].tolist() == [True, False, False, True]
    bands = [groups.tolist() for groups in found["age"].values()]
    assert bands == [[True, False, False, False], [False, True, False, False], [False] * 4, [False, False, True, False]]
