"""Splits that never cut an identity nor a set of exact duplicates, from a hash: no order, no state."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import accumulate

# In a group that spans splits the most protected one wins, so that nothing measured was trained on.
PROTECTION = ("test", "val", "audit", "train", "unlabelled")


def group_rows(identities: Sequence[str | None], images: Sequence[str]) -> list[int]:
    """The connected component of each row: rows are joined by a shared identity or identical pixels."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for identity, image in zip(identities, images, strict=True):
        if identity is not None:
            parent[root(f"i:{identity}")] = root(f"p:{image}")
    numbers: dict[str, int] = {}
    return [numbers.setdefault(root(f"p:{image}"), len(numbers)) for image in images]


def draw_split(shares: Mapping[str, float], unit: str, seed: int) -> str:
    """The split of one unit (an identity or an image), in proportion to the shares."""
    digest = hashlib.blake2b(f"{seed}:{unit}".encode(), digest_size=8).digest()
    point = int.from_bytes(digest, "big") / 2**64
    for split, edge in zip(shares, accumulate(shares.values()), strict=True):
        if point < edge:
            return split
    return list(shares)[-1]


def most_protected(splits: Sequence[str]) -> str:
    """The one of a group's splits that the whole group moves to."""
    return min(splits, key=PROTECTION.index)
