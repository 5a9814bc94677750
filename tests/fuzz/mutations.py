"""Bytes with some of them changed, from files that are sound."""

from collections.abc import Sequence

from hypothesis import strategies as st

INTERESTING = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\x80",
    b"\x01\0\0\0",
    b"{",
    b"[",
    b'"',
    b"\n",
)
_STEP = st.tuples(st.integers(0, 6), st.integers(0, 2**24), st.integers(0, 255))


def mutated(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of the seeds after up to eight flips, cuts, insertions, repetitions or splices with another seed."""
    steps = st.lists(_STEP, min_size=1, max_size=8)
    return st.builds(_mutate, st.sampled_from(seeds), st.sampled_from(seeds), steps)


def _mutate(seed: bytes, other: bytes, steps: list[tuple[int, int, int]]) -> bytes:
    content = bytearray(seed)
    for kind, place, value in steps:
        at = place % (len(content) + 1)
        match kind:
            case 0 if at < len(content):
                content[at] ^= 1 << value % 8
            case 1 if at < len(content):
                content[at] = value
            case 2:
                del content[at : at + value]
            case 3:
                content[at : at + 4] = INTERESTING[value % len(INTERESTING)]
            case 4:
                content[at:at] = content[at : at + value]
            case 5:
                content[at:] = other[place % (len(other) + 1) :]
            case 6 if value < 64:
                del content[at:]
    return bytes(content)
