import math
from pathlib import Path

import polars as pl
import pytest

from benchmarks.page import write_page
from benchmarks.rows import compare, compare_many, row, turns


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch):
    """Makes acts that take so many seconds by a clock that only they move."""
    now = 0.0
    monkeypatch.setattr("benchmarks.rows.time.perf_counter", lambda: now)

    def make(seconds: float, images: int):
        def act() -> int:
            nonlocal now
            now += seconds
            return images

        return act

    return make


def test_a_ratio_is_of_images_a_second(working):
    found = compare("g", "c", working(2, 40), working(4, 10), against="other", passes=3)
    assert (found["value"], found["reference"], found["ratio"]) == (20, 2.5, 8)


def test_many_are_measured_against_one_of_them(working):
    acts = {"slow": working(2, 10), "usual": working(1, 10)}
    found = {line["case"]: line for line in compare_many("g", acts, against="usual", passes=3)}
    assert (found["usual"]["ratio"], found["slow"]["ratio"]) == (1, 0.5)


def test_every_pass_begins_with_another_one():
    found = [name for _, name in turns(["a", "b", "c"], passes=3)]
    assert "".join(found) == "abcbcacab"


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
