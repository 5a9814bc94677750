import base64
import io

import numpy as np
import polars as pl
from PIL import Image

from distillery.heads import Classification, Regression
from distillery.reporting.gallery import inline, join_cells, show_pseudo_labels, spread

GENDER = Classification(kind="classification", classes=("male", "female"))
AGE = Regression(kind="regression", outputs=("years",), range=(0, 100))
IMAGES = [f"image{number}" for number in range(10)]


def cells(truths: list[str | None]) -> pl.DataFrame:
    sure = [0.95 - 0.04 * number for number in range(10)]
    labels = {"image": IMAGES, "g_soft": [[0.5, 0.5]] * 10, "g_hard": ["male"] * 10, "g_confidence": sure}
    pseudo = pl.DataFrame({**labels, "g_weight": [1.0] * 5 + [0.0] * 4 + [None]})
    predictions = pl.DataFrame({"image": IMAGES, "g_agreement": [1.0] * 10})
    split = ["unlabelled" if truth is None else "audit" for truth in truths]
    return join_cells(pseudo, predictions, pl.DataFrame({"image": IMAGES, "split": split, "g": truths}), "g", GENDER)


def black(images: object) -> np.ndarray:
    return np.zeros((len(images), 4, 4, 3), dtype=np.uint8)  # type: ignore[arg-type]


def test_labelled_cells_are_left_out() -> None:
    assert cells([None] * 10)["image"].to_list() == IMAGES[:9]


def test_label_of_an_unlabelled_image_is_no_truth() -> None:
    pool = pl.DataFrame({"image": ["a"], "split": ["unlabelled"], "g": ["male"]})
    pseudo = pl.DataFrame(
        {"image": ["a"], "g_soft": [[1.0]], "g_hard": ["male"], "g_weight": [1.0], "g_confidence": [1.0]}
    )
    table = join_cells(pseudo, pl.DataFrame({"image": ["a"], "g_agreement": [1.0]}), pool, "g", GENDER)
    assert table["truth"].to_list() == [None]


def test_half_is_kept_and_half_refused_with_truths_where_there_are_enough() -> None:
    gallery = show_pseudo_labels({"g": cells(["male", "female"] * 5)}, {"g": GENDER}, black, count=6)[0]
    assert gallery.audited
    assert [face.caption.verdict for face in gallery.kept] == ["right", "right", "right"]
    assert len(gallery.refused) == 3
    assert not show_pseudo_labels({"g": cells([None] * 10)}, {"g": GENDER}, black, count=6)[0].audited


def test_spread_reaches_both_ends_and_shows_each_face_once() -> None:
    table = pl.DataFrame({"image": list("cabd"), "sureness": [0.1, 0.9, 0.5, 0.5]})
    assert spread(table, 3)["image"].to_list() == ["a", "d", "c"]
    assert spread(table, 9)["image"].to_list() == ["a", "b", "d", "c"]
    assert len(spread(table.clear(), 3)) == 0


def test_narrow_numbers_are_the_sure_ones() -> None:
    wide = pl.Array(pl.Float32, 1)
    labels = {"a_soft": [[30], [40]], "a_weight": [[1], [1]], "a_confidence": [[9], [2]]}
    pseudo = pl.DataFrame({"image": ["vague", "sharp"]} | labels, schema_overrides=dict.fromkeys(labels, wide))
    pseudo = pseudo.with_columns(a_hard="a_soft")
    predictions = pl.DataFrame({"image": ["vague", "sharp"], "a_std": [[1.0], [1.0]]})
    pool = pl.DataFrame({"image": ["vague", "sharp"], "split": ["audit"] * 2, "a": [[30.0], [41.0]]})
    table = join_cells(pseudo, predictions, pool, "a", AGE)
    assert spread(table, 2)["image"].to_list() == ["sharp", "vague"]


def test_face_is_a_small_jpeg() -> None:
    source = inline(np.full((300, 300, 3), 200, dtype=np.uint8))
    picture = Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))))
    assert picture.size == (112, 112)
