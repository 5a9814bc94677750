from pathlib import Path

import polars as pl
import pytest
import torch
import yaml

from distillery.errors import DistilleryError
from distillery.heads import Identification
from distillery.images.pairs import Pair
from distillery.params import validate
from tasks import evaluation
from tasks.support.scores import Scores
from tests.world import ROOT

HEAD = Identification(kind="identification", dimensions=2)
PEOPLE = ("Ada", "Ben", "Cid", "Dot")
ROWS = pl.DataFrame(
    {"path": [f"data/raw/lfw/{person}/{person}_{number:04d}.jpg" for person in PEOPLE for number in (1, 2)]}
).with_columns(dataset=pl.lit("lfw"), domain=pl.lit("press"))
# Images of one person point the same way.
FOUND = {way: torch.eye(4).repeat_interleave(2, dim=0) for way in ("one_view", "ensemble")}
LIST = "2 1\nAda 1 2\nAda 1 Ben 1\nCid 1 2\nCid 1 Dot 2\n"


def _scores() -> Scores:
    return Scores({"person": HEAD}, resamples=20, confidence=0.95, seed=0)


def test_a_list_of_pairs_is_verified_by_its_own_folds():
    pairs = [Pair(*pair) for pair in (("Ada/Ada_0001", "Ada/Ada_0002", 0), ("Ada/Ada_0001", "Ben/Ben_0001", 0))]
    pairs += [Pair("Cid/Cid_0001", "Cid/Cid_0002", 1), Pair("Cid/Cid_0001", "Dot/Dot_0002", 1)]
    scores = _scores()
    assert scores.add_pairs(ROWS, "person", FOUND, [*pairs, Pair("Eve/Eve_0001", "Ada/Ada_0001", 1)]) == 4
    assert [row["way"] for row in scores.scores] == ["one_view", "ensemble"]
    row = scores.scores[0]
    assert (row["metric"], row["value"], row["low"], row["high"], row["images"]) == ("pairs_accuracy", 1, 1, 1, 6)


def _params(dataset: str = "print", head: str = "person") -> dict:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["heads"]["person"] = {"kind": "identification", "dimensions": 16}
    for section in params["manifest"]["datasets"].values():
        section["heads"]["person"] = "identity"
    params["manifest"]["datasets"][dataset]["pairs"] = "data/raw/pairs.txt"
    return params


def test_the_evaluation_reads_the_list_of_its_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("data/raw").mkdir(parents=True)
    Path("data/raw/pairs.txt").write_text(LIST)
    params, scores = validate(_params(), "p"), _scores()
    rows = ROWS.with_columns(dataset=pl.lit("print"))
    evaluation._add_pairs(scores, rows, "person", FOUND, params)
    assert len(scores.scores) == 2
    assert "print: 4 of 4 pairs are of test images" in capsys.readouterr().out
    evaluation._add_pairs(scores, rows, "gender", FOUND, params)
    evaluation._add_pairs(scores, rows.with_columns(dataset=pl.lit("studio")), "person", FOUND, params)
    assert len(scores.scores) == 2, "other heads and data sets have no list"
    with pytest.raises(
        DistilleryError, match=r"data/raw/pairs.txt: too few of its 4 pairs are of two test images of 'print'"
    ):
        evaluation._add_pairs(scores, rows.head(4), "person", FOUND, params)


def test_a_list_without_a_head_to_verify_is_refused():
    params = _params()
    del params["manifest"]["datasets"]["print"]["heads"]["person"]
    with pytest.raises(DistilleryError, match=r"manifest.datasets.print.pairs is .*labels no identification head"):
        validate(params, "p")
    params = _params()
    params["manifest"]["datasets"]["print"]["pairs"] = "/etc/passwd"
    with pytest.raises(DistilleryError, match=r"print.pairs: '/etc/passwd' is outside data/raw/"):
        validate(params, "p")
