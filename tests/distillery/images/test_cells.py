import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import torch

from distillery.heads import Heads
from distillery.images.cells import Cells, fill_empty, labelled_cells
from distillery.tables import pseudo_labels_schema


@pytest.fixture
def cells(manifest: pl.DataFrame, heads: Heads) -> Cells:
    return labelled_cells(manifest, heads)


@pytest.fixture
def pseudo(heads: Heads) -> pl.DataFrame:
    """For every image but the last, values that no label has; ``i3`` is refused."""
    rows = []
    for index in range(7):
        kept = float(index != 3)
        rows.append(
            {
                "image": f"i{index}",
                "mood_soft": [0.2, 0.5, 0.3], "mood_weight": kept,
                "units_soft": [0.6, 0.4, 0.1], "units_weight": [kept, 0.0, kept],
                "years_soft": [77.0], "years_weight": [kept],
                "place_soft": [-0.9, 0.9], "place_weight": [kept, kept],
            }
        )  # fmt: skip
    return pl.DataFrame(pa.Table.from_pylist(rows[::-1], schema=pseudo_labels_schema(heads)))


def _fill(cells: Cells, manifest: pl.DataFrame, pseudo: pl.DataFrame, heads: Heads, *, soft: bool, weight: float = 0.5):
    return fill_empty(cells, pseudo, manifest["image"], heads, soft=dict.fromkeys(heads, soft), weight=weight)


def test_the_manifest_becomes_labels_and_weights(cells: Cells):
    assert cells.weights["mood"].tolist() == [1, 0] * 4
    assert cells.labels["mood"][2].tolist() == [0, 0, 1]
    assert cells.weights["units"][:2].tolist() == [[1, 0, 1], [0, 0, 0]]
    assert cells.labels["units"][0].tolist() == [1, 0, 1]
    assert cells.weights["years"].tolist() == [0, 1] * 4
    assert cells.labels["years"][3].tolist() == [30]
    assert cells.labels["place"][1].tolist() == [0.125, -0.125]
    assert all(value.isfinite().all() for by in (cells.labels, cells.weights) for value in by.values())


def test_a_flip_swaps_left_and_right_with_their_weights_in_the_flipped_images_only(cells: Cells, heads: Heads):
    weights = dict(cells.weights, units=torch.tensor([[1.0, 0.0, 0.0]] * 8))
    found = Cells(cells.labels, weights).flipped(heads, torch.arange(8) < 4)
    assert found.pseudo == {}
    supposed = {"units": torch.tensor([[True, False, False]] * 8)}
    swapped = Cells(cells.labels, weights, supposed).flipped(heads, torch.arange(8) < 4).pseudo["units"]
    assert torch.equal(swapped.float(), found.weights["units"])
    assert torch.equal(found.labels["units"][:4], cells.labels["units"][:4, [2, 1, 0]])
    assert torch.equal(found.labels["units"][4:], cells.labels["units"][4:])
    assert found.weights["units"].tolist() == [[0, 0, 1]] * 4 + [[1, 0, 0]] * 4
    for name in ("mood", "years", "place"):
        assert torch.equal(found.labels[name], cells.labels[name])


@pytest.mark.parametrize("soft", [True, False])
def test_pseudo_labels_never_touch_a_labelled_cell(cells: Cells, manifest, pseudo, heads: Heads, soft: bool):
    found = _fill(cells, manifest, pseudo, heads, soft=soft)
    for name in heads:
        labelled = cells.weights[name] > 0
        assert labelled.any()
        assert torch.equal(found.weights[name][labelled], cells.weights[name][labelled])
        assert torch.equal(found.labels[name][labelled], cells.labels[name][labelled])


def test_soft_pseudo_labels_fill_the_empty_cells(cells: Cells, manifest, pseudo, heads: Heads):
    found = _fill(cells, manifest, pseudo, heads, soft=True)
    assert found.weights["mood"].tolist() == [1, 0.5, 1, 0, 1, 0.5, 1, 0]
    assert found.labels["mood"][1].tolist() == pytest.approx([0.2, 0.5, 0.3])
    assert found.labels["years"][2].tolist() == [77]
    assert found.labels["place"][0].tolist() == pytest.approx([-0.9, 0.9])
    # an element of a labelled row, and all elements of an empty one; the middle one was refused
    assert found.weights["units"][:2].tolist() == [[1, 0, 1], [0.5, 0, 0.5]]
    assert found.labels["units"][1].tolist() == pytest.approx([0.6, 0.4, 0.1])
    for name in heads:
        assert torch.equal(found.pseudo[name], (cells.weights[name] == 0) & (found.weights[name] > 0))


def test_classes_that_an_image_is_not_of_fill_empty_cells_as_negative_labels(cells: Cells, manifest, pseudo, heads):
    unlike = pl.when(pl.col("image").is_in(["i2", "i3"])).then(
        pl.lit([True, False, True], dtype=pl.Array(pl.Boolean, 3))
    )
    found = _fill(cells, manifest, pseudo.with_columns(mood_negative=unlike), heads, soft=True)
    assert found.labels["mood"][3].tolist() == [-1, 0, -1]
    assert found.weights["mood"].tolist() == [1, 0.5, 1, 0.5, 1, 0.5, 1, 0]
    assert found.labels["mood"][2].tolist() == cells.labels["mood"][2].tolist(), "labelled"
    assert found.pseudo["mood"].tolist() == [False, True, False, True, False, True, False, False]


def test_soft_targets_are_as_hot_as_asked_and_decisions_are_not(cells: Cells, manifest, pseudo, heads: Heads):
    soft = dict.fromkeys(heads, True) | {"units": False}
    found = fill_empty(cells, pseudo, manifest["image"], heads, soft=soft, weight=1, temperature=2)
    roots = torch.tensor([0.2, 0.5, 0.3]).sqrt()
    assert torch.allclose(found.labels["mood"][1], roots / roots.sum())
    assert found.labels["units"][1].tolist() == [1, 0, 0]
    assert found.labels["years"][2].tolist() == [77]


def test_hard_pseudo_labels_are_the_teachers_decision(cells: Cells, manifest, pseudo, heads: Heads):
    found = _fill(cells, manifest, pseudo, heads, soft=False)
    assert found.labels["mood"][1].tolist() == [0, 1, 0]
    assert found.labels["units"][1].tolist() == [1, 0, 0]
    assert found.labels["years"][2].tolist() == [77]


def test_an_image_without_a_pseudo_label_stays_empty(cells: Cells, manifest, pseudo, heads: Heads):
    found = _fill(cells, manifest, pseudo, heads, soft=True)
    assert found.weights["mood"][7] == 0
    assert found.weights["units"][7].tolist() == [0, 0, 0]
    assert all(value.isfinite().all() for by in (found.labels, found.weights) for value in by.values())


def test_rows_picks_the_same_images_of_labels_and_weights(cells: Cells):
    found = cells.rows(torch.tensor([3, 0, 3]))
    assert np.array_equal(found.labels["years"], cells.labels["years"][[3, 0, 3]])
    assert np.array_equal(found.weights["units"], cells.weights["units"][[3, 0, 3]])
