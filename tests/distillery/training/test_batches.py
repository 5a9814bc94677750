from collections import Counter

import numpy as np
import pytest

from distillery.errors import DistilleryError
from distillery.training.batches import BatchPlan, shares_of

GROUPS = {"a": np.arange(10), "b": np.arange(10, 17), "c": np.arange(17, 20)}


def _plan(proportions: dict[str, float], *, batch: int = 12, seed: int = 0) -> BatchPlan:
    return BatchPlan(GROUPS, proportions, batch=batch, seed=seed)


def _of(rows: np.ndarray, group: str) -> list[int]:
    return [row for row in rows.tolist() if row in GROUPS[group]]


def test_every_batch_holds_the_exact_proportions():
    plan = _plan({"a": 3, "b": 2, "c": 1})
    for step in range(40):
        rows = plan.rows(step)
        assert [len(_of(rows, group)) for group in "abc"] == [6, 4, 2]
        assert rows.dtype == np.int64


@pytest.mark.parametrize("group", ["a", "b", "c"])
def test_each_row_comes_once_per_pass(group: str):
    plan = _plan({"a": 1, "b": 1, "c": 1})
    drawn = [row for step in range(70) for row in _of(plan.rows(step), group)]
    size = len(GROUPS[group])
    for start in range(0, len(drawn) - size + 1, size):
        assert set(drawn[start : start + size]) == set(GROUPS[group].tolist())


def test_a_group_smaller_than_its_share_repeats_evenly():
    counts = Counter(_plan({"c": 1}, batch=11).rows(5).tolist())
    assert sum(counts.values()) == 11
    assert set(counts.values()) == {3, 4}


def test_rows_follow_from_the_step_alone():
    plan, fresh = _plan({"a": 1, "c": 3}), _plan({"a": 1, "c": 3})
    inorder = [plan.rows(step) for step in range(30)]
    for step in (29, 0, 13, 12, 13, 28, 1):
        assert np.array_equal(fresh.rows(step), inorder[step])


def test_passes_and_seeds_have_orders_of_their_own():
    plan = _plan({"a": 1}, batch=10)
    orders = [plan.rows(0), plan.rows(1), _plan({"a": 1}, batch=10, seed=1).rows(0)]
    assert len({tuple(order) for order in orders}) == 3


def test_a_proportion_of_zero_needs_no_rows_and_draws_none():
    assert _of(BatchPlan({**GROUPS, "d": np.array([])}, {"a": 1, "d": 0}, batch=4, seed=0).rows(0), "a")
    assert not _of(_plan({"a": 1, "b": 0}).rows(0), "b")


@pytest.mark.parametrize("name", ["d", "nobody"])
def test_a_group_without_rows_is_refused_by_name(name: str):
    with pytest.raises(DistilleryError, match=f"mixing wants 2 of '{name}', which has no usable training image"):
        BatchPlan({**GROUPS, "d": np.array([])}, {"a": 1, name: 2}, batch=4, seed=0)


@pytest.mark.parametrize(
    ("total", "proportions", "counts"),
    [
        (10, [1, 1], [5, 5]),
        (10, [2, 1], [7, 3]),
        (128, [1, 1, 1], [43, 43, 42]),
        (3, [100, 1], [3, 0]),
        (7, [0.4], [7]),
    ],
)
def test_shares_are_the_largest_remainders(total: int, proportions: list[float], counts: list[int]):
    assert shares_of(total, proportions) == counts


def test_shares_sum_to_the_total_and_are_off_by_less_than_one():
    rng = np.random.default_rng(0)
    for _ in range(200):
        total, proportions = int(rng.integers(1, 300)), rng.random(rng.integers(1, 7)).tolist()
        counts = np.array(shares_of(total, proportions))
        assert counts.sum() == total
        assert np.abs(counts - np.array(proportions) / sum(proportions) * total).max() < 1
