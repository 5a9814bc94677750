import polars as pl

from distillery.heads import Classification
from distillery.reporting.curves import describe_learning

HEADS = {"mood": Classification(kind="classification", classes=("a", "b"))}


def _history(weights: list[float], **more: list[float]) -> pl.DataFrame:
    columns = {"train_loss/mood": [1.0, 0.5], "val_loss/mood": [0.9, 0.6], "val_score/mood": [0.5, 0.7]}
    return pl.DataFrame({"epoch": [1, 2], **columns, "weight/mood": weights, **more})


def test_a_weight_is_drawn_where_it_changes():
    found = describe_learning({"r0": _history([1.0, 1.0]), "r1": _history([1.0, 1.4])}, HEADS)
    assert found["r0"].heads[0].weight is None
    assert "r1, mood: weight by epoch" in found["r1"].heads[0].weight


def test_couplings_are_drawn_by_their_names():
    found = describe_learning({"r0": _history([1.0, 1.0], **{"coupling/tie-mood-marks": [0.4, 0.2]})}, HEADS)
    assert [name for name, _ in found["r0"].couplings] == ["tie-mood-marks"]
    assert "<polyline" in found["r0"].couplings[0][1]
