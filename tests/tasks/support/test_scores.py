import polars as pl
import pytest
import torch

from distillery.heads import Classification
from distillery.images.cells import Cells
from distillery.metrics.names import AMONG
from distillery.reporting.results import primary_scores
from tasks.support.scores import Scores

MOOD = Classification(kind="classification", classes=("happy", "neutral", "sad"))
ROWS = pl.DataFrame(
    {"dataset": "news", "domain": "print", "image": [f"i{number}" for number in range(40)], "identity": None}
).with_columns(mood=pl.Series(["happy", "neutral"] * 20).cast(pl.Categorical))


def test_where_a_class_does_not_occur_scores_and_draws_are_of_those_that_do():
    """Of two classes the right one is always above the other, and sad, which nobody is, above both in every second."""
    truth = torch.eye(3)[torch.arange(40) % 2]
    said = truth * 0.4 + torch.tensor([0.1, 0.1, 0.0])
    said[::4, 2] = said[1::4, 2] = 0.9
    cells = Cells(labels={"mood": truth}, weights={"mood": torch.ones(40)})
    scores = Scores({"mood": MOOD}, resamples=50, confidence=0.9, seed=0)
    scores.add_test(ROWS, "mood", {"one_view": said, "ensemble": said}, cells, ROWS["image"].to_list())
    tables = scores.tables()
    primary = primary_scores(tables["scores"], {"mood": MOOD}).row(0, named=True)
    assert (primary["metric"], primary["value"]) == (AMONG, pytest.approx(1.0))
    assert tables["draws"]["value"].drop_nans().to_list() == pytest.approx([1.0] * len(tables["draws"]))
    plain = tables["scores"].filter((pl.col("metric") == "balanced_accuracy") & (pl.col("way") == "ensemble"))
    assert plain["value"].item() == pytest.approx(0.5)
