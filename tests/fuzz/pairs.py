"""Lists of pairs with bytes changed."""

from pathlib import Path

from hypothesis import strategies as st

from distillery.errors import DistilleryError
from distillery.images.pairs import read_pairs
from tests.fuzz.answers import answer
from tests.fuzz.mutations import mutated

LIST = b"2\t2\nAda\t1\t4\nAda\t2\t3\nAda\t2\tBen\t1\nCid 1 Ben 2\nBen\t1\t2\nCid 1 2\nCid 1 Ada 12\n\xc3\x84n 1 Ben 1\n"


def lists() -> st.SearchStrategy[bytes]:
    return mutated((LIST, b"2 1\nA 1 2\nA 1 B 2\nB 3 4\nB 1 A 1\n"))


def check(content: bytes, folder: Path) -> None:
    """As many pairs as the first line says, or an error that names the file."""
    path = folder / "pairs.txt"
    path.write_bytes(content)
    pairs, reason = answer(DistilleryError, read_pairs, path)
    if reason:
        assert "pairs.txt" in reason and len(reason) < 1000
    else:
        folds, each = map(int, content.split(None, 2)[:2])
        assert len(pairs) == 2 * folds * each
