import polars as pl

from distillery.images.partial import keep_one_label

ROWS = 400
MANIFEST = pl.DataFrame(
    {
        "image": [f"image {number}" for number in range(ROWS)],
        "split": ["train", "val", "test", "audit"] * (ROWS // 4),
        "expression": ["happy"] * (ROWS - 4) + [None] * 4,
        "action_units": pl.Series([[True, None]] * ROWS, dtype=pl.Array(pl.Boolean, 2)),
        "age": [3.0] * ROWS,
    }
)
HEADS = ("expression", "action_units")
BACKWARDS = list(range(ROWS))[::-1]


def test_a_training_image_keeps_the_label_of_one_of_the_heads():
    found = keep_one_label(MANIFEST, HEADS, 0)
    train = found.filter(pl.col("split") == "train")[:-1]
    assert found.schema == MANIFEST.schema
    assert (train["expression"].is_null() != train["action_units"].is_null()).all()
    assert 30 < train["expression"].is_null().sum() < 70
    assert train["age"].null_count() == 0


def test_other_splits_stay_as_they_are():
    others = pl.col("split") != "train"
    assert keep_one_label(MANIFEST, HEADS, 0).filter(others).equals(MANIFEST.filter(others))


def test_the_draw_is_by_name_and_seed_not_by_order():
    found = keep_one_label(MANIFEST, HEADS, 0)
    assert found[BACKWARDS].equals(keep_one_label(MANIFEST[BACKWARDS], HEADS, 0))
    assert not found.equals(keep_one_label(MANIFEST, HEADS, 1))


def test_of_one_head_everything_is_kept():
    assert keep_one_label(MANIFEST, ["expression"], 0).equals(MANIFEST)
