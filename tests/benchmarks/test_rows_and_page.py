import math
import time
from pathlib import Path

import polars as pl
import pytest

from benchmarks.page import write_page
from benchmarks.rows import compare, compare_many, row


def _sleeping(seconds: float, images: int):
    def act() -> int:
        time.sleep(seconds)
        return images

    return act


def test_a_ratio_is_of_images_a_second():
    found = compare("g", "c", _sleeping(0.01, 40), _sleeping(0.01, 10), against="other", passes=3)
    assert found["ratio"] == pytest.approx(4, rel=0.2)
    assert found["value"] / found["reference"] == found["ratio"]


def test_many_are_measured_against_one_of_them():
    acts = {"slow": _sleeping(0.02, 10), "usual": _sleeping(0.01, 10)}
    found = {line["case"]: line for line in compare_many("g", acts, against="usual", passes=3)}
    assert found["usual"]["ratio"] == 1
    assert found["slow"]["ratio"] == pytest.approx(0.5, rel=0.2)


def test_the_page_shows_every_row_and_draws_the_ratios(tmp_path: Path):
    rows = [row("training", "ours", 90, unit="images/s", against="bare loop", reference=100, note="spread 2%")]
    rows += [row("start", "import of report", 1.25, unit="s")]
    write_page(pl.DataFrame(rows), tmp_path / "benchmarks.md")
    page = (tmp_path / "benchmarks.md").read_text()
    assert "| ours | 90 images/s | bare loop | 100 images/s | 0.90 | spread 2% |" in page
    assert "| import of report | 1.25 s |  |  |  |  |" in page
    assert "](benchmarks/training.svg)" in page
    assert (tmp_path / "benchmarks/training.svg").stat().st_size > 1000
    assert not (tmp_path / "benchmarks/start.svg").exists()


def test_a_figure_alone_has_no_ratio():
    assert math.isnan(row("g", "c", 1, unit="s")["ratio"])
