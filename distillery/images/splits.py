"""Splits that never cut an identity nor a set of exact duplicates, from a hash: no order, no state."""

import hashlib
from collections.abc import Mapping
from itertools import accumulate

import numpy as np
import pyarrow as pa

# In a group that spans splits the most protected one wins, so that nothing measured was trained on.
PROTECTION = ("test", "val", "audit", "train", "unlabelled")


def group_rows(identities: pa.ChunkedArray, images: pa.ChunkedArray) -> np.ndarray:
    """The connected component of each row, int64 [rows]: rows are joined by a shared identity or identical pixels.

    Args:
        identities: whom a row shows, null where that is unknown.
        images: content hashes.
    """
    pixels, people = _codes(images), _codes(identities)
    known = people >= 0
    people = people[known]
    # The component of each distinct image, named by the least of its images: falls until nothing joins any more.
    least = np.arange(pixels.max(initial=-1) + 1)
    while True:
        before, rows = least.copy(), least[pixels]
        of_person = np.full(people.max(initial=-1) + 1, len(least))
        np.minimum.at(of_person, people, rows[known])
        rows[known] = of_person[people]
        np.minimum.at(least, pixels, rows)
        least = least[least]  # a chain of people who share images is halved, not walked
        if np.array_equal(least, before):
            return least[pixels]


def _codes(values: pa.ChunkedArray) -> np.ndarray:
    """Equal values by equal numbers from 0, in the order in which they come; -1 where null. int64 [rows]."""
    codes = values.combine_chunks().dictionary_encode().indices
    return codes.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def draw_split(shares: Mapping[str, float], unit: str, seed: int) -> str:
    """The split of one unit (an identity or an image), in proportion to the shares."""
    digest = hashlib.blake2b(f"{seed}:{unit}".encode(), digest_size=8).digest()
    point = int.from_bytes(digest, "big") / 2**64
    for split, edge in zip(shares, accumulate(shares.values()), strict=True):
        if point < edge:
            return split
    return list(shares)[-1]


def most_protected(ranks: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Of each row's group the split that the whole group moves to, as its rank in ``PROTECTION``, int64 [rows]."""
    first = np.full(groups.max(initial=-1) + 1, len(PROTECTION))
    np.minimum.at(first, groups, ranks)
    return first[groups]
