from pathlib import Path

import pytest

from distillery.errors import DistilleryError
from distillery.images.pairs import Pair, image_of, read_pairs

LIST = "2\t1\nAda\t1\t4\nAda\t2\tBen\t1\nBen\t1\t2\nCid 1 Ada 12\n"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def _read(text: str) -> list[Pair]:
    Path("pairs.txt").write_text(text)
    return read_pairs(Path("pairs.txt"))


def test_pairs_name_images_people_and_folds():
    found = _read(LIST)
    assert found[0] == Pair("Ada/Ada_0001", "Ada/Ada_0004", 0)
    assert found[3] == Pair("Cid/Cid_0001", "Ada/Ada_0012", 1)
    assert [pair.same for pair in found] == [True, False, True, False]
    assert [pair.fold for pair in found] == [0, 0, 1, 1]
    assert image_of("data/raw/lfw/Ada/Ada_0004.jpg") == "Ada/Ada_0004"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: wants the number of folds"),
        ("ten 300\n", "line 1: wants the number of folds"),
        ("0 300\n", "line 1: wants"),
        ("1 300\n", "line 1: wants the number of folds, two or more"),
        ("9" * 5000 + " 1\n", "line 1: wants"),
        ("2 1\nAda 1 2\n", "found 2 lines; its first says 5: 2 x 2 x 1 pairs"),
        (LIST.replace("Ada\t1\t4", "Ada 1"), "line 2: found 'Ada 1'; wants 'person number number'"),
        (LIST.replace("Ada\t1\t4", "Ada 1 two"), "line 2: found 'Ada 1 two'"),
        (LIST.replace("Ada\t1\t4", "Ada 1 " + "4" * 5000), "line 2: found"),
        (LIST.replace("Ada\t2\tBen\t1", "Ada 1 Ada 2"), "line 3: found 'Ada 1 Ada 2'; wants 'person number other"),
        (LIST.replace("Ada\t2\tBen\t1", "Ada 1 2"), "line 3: found 'Ada 1 2'; wants 'person number other number'"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, words: str):
    with pytest.raises(DistilleryError, match=rf"pairs\.txt.*{words}"):
        _read(text)


def test_a_missing_list_is_named():
    with pytest.raises(DistilleryError, match=r"none\.txt: cannot be read as a list of pairs"):
        read_pairs(Path("none.txt"))
