from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from distillery.images.splits import PROTECTION, draw_split, group_rows, most_protected
from distillery.tables import SPLITS


def _naive_groups(identities: list[str | None], images: list[str]) -> list[int]:
    """Join any two rows that share something until nothing changes."""
    groups = list(range(len(images)))
    for _ in images:
        for i in range(len(images)):
            for j in range(i):
                same = images[i] == images[j] or (identities[i] is not None and identities[i] == identities[j])
                if same:
                    groups[i] = groups[j] = min(groups[i], groups[j])
    return [sorted(set(groups)).index(group) for group in groups]


def _groups(identities: list[str | None], images: list[str]) -> list[int]:
    """By numbers from 0, in the order in which the groups come."""
    columns = (pa.chunked_array([pa.array(values, pa.string())]) for values in (identities, images))
    numbers: dict[int, int] = {}
    return [numbers.setdefault(group, len(numbers)) for group in group_rows(*columns).tolist()]


@pytest.mark.parametrize("seed", range(8))
def test_groups_are_connected_components(seed: int):
    rng = np.random.default_rng(seed)
    identities = [None if rng.random() < 0.4 else f"p{rng.integers(8)}" for _ in range(20)]
    images = [f"x{rng.integers(14)}" for _ in range(20)]
    assert _groups(identities, images) == _naive_groups(identities, images)


def test_an_identity_and_an_image_of_the_same_name_are_not_joined():
    assert _groups(["a", None], ["b", "a"]) == [0, 1]


def test_a_long_chain_of_people_who_share_images_is_one_group():
    images = [f"x{(number + 1) // 2}" for number in range(20_000)]
    identities = [f"p{number // 2}" for number in range(20_000)]
    order = np.random.default_rng(0).permutation(20_000)
    assert set(_groups([identities[i] for i in order], [images[i] for i in order])) == {0}
    assert _groups([], []) == []


def test_draws_follow_the_shares_and_need_no_order():
    shares = {"train": 0.7, "val": 0.1, "test": 0.2}
    drawn = {unit: draw_split(shares, unit, 0) for unit in map(str, range(4000))}
    counts = Counter(drawn.values())
    # four standard deviations of a binomial draw
    assert all(abs(counts[s] - 4000 * p) < 4 * (4000 * p * (1 - p)) ** 0.5 for s, p in shares.items())
    assert drawn["17"] == draw_split(shares, "17", 0)
    assert any(drawn[unit] != draw_split(shares, unit, 1) for unit in drawn)


def test_a_share_of_nothing_is_never_drawn():
    assert {draw_split({"val": 0.0, "train": 1.0, "test": 0.0}, str(unit), 3) for unit in range(500)} == {"train"}


def test_the_most_protected_split_of_a_group_wins_whatever_the_order():
    splits = ["unlabelled", "train", "test", "val", "unlabelled", "train", "train", "audit"]
    ranks = np.array([PROTECTION.index(split) for split in splits])
    found = most_protected(ranks, np.array([0, 0, 0, 0, 1, 1, 2, 2]))
    assert [PROTECTION[rank] for rank in found] == ["test"] * 4 + ["train"] * 2 + ["audit"] * 2
    assert set(PROTECTION) == set(SPLITS)
