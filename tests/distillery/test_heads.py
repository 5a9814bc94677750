import pytest
from pydantic import TypeAdapter, ValidationError

from distillery.heads import Head, Heads, mirrored, names

ADAPTER = TypeAdapter(Head)
FIVE = ("a", "b", "c", "d", "e")


def test_names_are_the_classes_elements_or_outputs(heads: Heads):
    assert names(heads["mood"]) == ("calm", "glad", "sad")
    assert names(heads["units"]) == ("left", "middle", "right")
    assert names(heads["place"]) == ("valence", "arousal")


def test_a_mirror_swaps_its_pairs_and_nothing_else(heads: Heads):
    assert mirrored(heads["units"]) == [2, 1, 0]
    assert mirrored(heads["mood"]) == [0, 1, 2]
    assert mirrored(heads["place"]) == [0, 1]


@pytest.mark.parametrize("kind", ["classification", "detection"])
def test_mirrored_twice_is_as_before(kind: str):
    what = {"classification": "classes", "detection": "elements"}[kind]
    head = ADAPTER.validate_python({"kind": kind, what: FIVE, "mirror": [["a", "d"], ["e", "b"]]})
    order = mirrored(head)
    assert order == [3, 4, 2, 0, 1]
    assert [order[i] for i in order] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"kind": "classification", "classes": ["a"]}, "at least 2"),
        ({"kind": "classification", "classes": ["a", "a"]}, "classes holds a name twice"),
        ({"kind": "classification", "classes": ["a", "b"], "mirror": [["a", "z"]]}, "mirror names 'z'; allowed"),
        ({"kind": "detection", "elements": FIVE, "mirror": [["a", "b"], ["b", "c"]]}, "mirror names 'b' twice"),
        ({"kind": "detection", "elements": FIVE, "mirror": [["a", "a"]]}, "mirror names 'a' twice"),
        ({"kind": "detection", "elements": []}, "at least 1"),
        ({"kind": "regression", "outputs": ["x"], "range": [1, 1]}, "is empty"),
        ({"kind": "regression", "outputs": ["x"], "range": [0, 1], "bins": 1}, "greater than or equal to 2"),
        ({"kind": "classification", "classes": ["a", "b"], "weight": 0}, "greater than 0"),
        ({"kind": "classification", "classes": ["a", "b"], "forbids": ["spin"]}, "'identity', 'flip'"),
        ({"kind": "guess"}, "'classification', 'detection', 'regression'"),
    ],
)
def test_a_head_that_makes_no_sense_is_refused(found: dict, message: str):
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python(found)


def test_a_set_is_written_in_one_order_whatever_the_process():
    kinds = ["shift", "blur", "flip", "grey", "scale"]
    head = ADAPTER.validate_python({"kind": "classification", "classes": ["a", "b"], "forbids": kinds})
    assert head.model_dump(mode="json")["forbids"] == sorted(kinds)
    assert ADAPTER.validate_json(head.model_dump_json()) == head
