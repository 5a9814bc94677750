import polars as pl

from distillery.reporting.provenance import count_splits, list_hashes


def test_images_count_once_and_unreadable_files_are_set_aside() -> None:
    rows = {
        "image": ["a", "a", "b", None],
        "dataset": ["lfw"] * 4,
        "domain": ["news"] * 4,
        "split": ["test", "test", "audit", "test"],
        "status": ["ok", "ok", "ok", "cannot be read"],
    }
    (found,) = count_splits(pl.DataFrame(rows))
    assert found["counts"] == {"train": 0, "val": 0, "test": 1, "unlabelled": 0, "audit": 1}
    assert found["aside"] == 1


def test_rounds_may_follow_from_different_things() -> None:
    names, rows = list_hashes({"r0": {"params": "1"}, "r1": {"params": "2", "pseudo_labels": "3"}})
    assert names == ["params", "pseudo_labels"]
    assert rows == [("r0", ["1", "–"]), ("r1", ["2", "3"])]
