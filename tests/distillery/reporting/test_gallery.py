import base64
import io

import numpy as np
import polars as pl
from PIL import Image

from distillery.heads import Classification, Head
from distillery.reporting.cells import pool_cells
from distillery.reporting.gallery import inline, show_pseudo_labels, spread

GENDER = Classification(kind="classification", classes=("male", "female"))
IMAGES = [f"image{number}" for number in range(10)]


def cells(known: list[bool], *, head: Head = GENDER) -> pl.DataFrame:
    """Five kept, four refused, one labelled; the first is the surest."""
    sure = [0.95 - 0.04 * number for number in range(10)]
    said = {"g_hard": "male", "g_soft": [[1.0, 0.0]] * 10, "g_confidence": sure}
    pseudo = pl.DataFrame({"image": IMAGES, **said, "g_weight": [1.0] * 5 + [0.0] * 4 + [None]})
    pool = pl.DataFrame({"image": IMAGES[::-1], "known": known[::-1]})
    seen = pl.DataFrame({"image": IMAGES, "g_agreement": [1.0, 0.5, 1.0, 0.25] + [1.0] * 5 + [None]})
    return pool_cells([pseudo[:3], pseudo[3:]], [seen[:5], seen[5:]], pool, "g", head)


def details(images: pl.Series) -> pl.DataFrame:
    """Every image is a male one, taken for a male one; in another order than they are asked for."""
    told = {"hard": "male", "confidence": 0.9, "weight": 1.0, "agreement": 1.0, "truth": "male"}
    return (
        pl.DataFrame({"image": IMAGES})
        .filter(pl.col("image").is_in(images.implode()))
        .with_columns(soft=pl.lit(0.5), **{key: pl.lit(value) for key, value in told.items()})
    )


def black(images: object) -> np.ndarray:
    return np.zeros((len(images), 4, 4, 3), dtype=np.uint8)  # type: ignore[arg-type]


def test_labelled_cells_are_left_out() -> None:
    found = cells([False] * 10)
    assert found["image"].to_list() == IMAGES[:9]
    assert found["kept"].to_list() == [True] * 5 + [False] * 4


def test_half_is_kept_and_half_refused_with_truths_where_there_are_enough() -> None:
    gallery = show_pseudo_labels(cells([True] * 10), "g", GENDER, details, black, count=6)
    assert gallery.audited
    assert [face.caption.verdict for face in gallery.groups["kept"]] == ["right", "right", "right"]
    assert len(gallery.groups["refused"]) == 3
    assert not show_pseudo_labels(cells([False] * 10), "g", GENDER, details, black, count=6).audited
    assert show_pseudo_labels(cells([True] * 10).clear(), "g", GENDER, details, black, count=6).groups["kept"] == []


def test_faces_come_from_the_surest_to_the_least_sure() -> None:
    seen: list[str] = []

    def look(images: list[str]) -> np.ndarray:
        seen.extend(images)
        return black(images)

    show_pseudo_labels(cells([False] * 10), "g", GENDER, details, look, count=4)  # type: ignore[arg-type]
    assert seen[:4] == ["image0", "image4", "image5", "image8"]
    assert seen[4:] == ["image3", "image1"], "by how little their views agree"


def test_the_farthest_flips_are_shown_where_there_is_a_round_before() -> None:
    found = cells([False] * 10).with_columns(moved=pl.Series([0.0, 0.2, 0.9, 0.5] + [0.0] * 5))
    gallery = show_pseudo_labels(found, "g", GENDER, details, black, count=8)
    assert {group: len(faces) for group, faces in gallery.groups.items()} == {
        "kept": 4, "refused": 4, "disputed": 4, "flipped": 3,
    }  # fmt: skip
    assert "flipped" not in show_pseudo_labels(found.drop("moved"), "g", GENDER, details, black, count=8).groups


def test_spread_reaches_both_ends_and_shows_each_face_once() -> None:
    table = pl.DataFrame({"image": list("cabd"), "sureness": [0.1, 0.9, 0.5, 0.5]})
    assert spread(table, 3)["image"].to_list() == ["a", "d", "c"]
    assert spread(table, 9)["image"].to_list() == ["a", "b", "d", "c"]
    assert len(spread(table.clear(), 3)) == 0


def test_face_is_a_small_jpeg() -> None:
    source = inline(np.full((300, 300, 3), 200, dtype=np.uint8))
    picture = Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))))
    assert picture.size == (112, 112)
