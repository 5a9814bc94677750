import pytest

from distillery.errors import DistilleryError
from distillery.losses.coupling.expert import expert

UNITS = tuple(f"AU{number}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 17, 20, 23, 24, 25, 26))


def test_neutral_shows_no_unit_and_units_that_the_head_lacks_are_left_out():
    found = expert(("neutral", "disgusted"), ("AU9", "AU1", "AU24"))
    assert found[0].tolist() == [0, 0, 0]
    assert found[1].tolist() == pytest.approx([1, 0, 0.26])


@pytest.mark.parametrize(
    ("classes", "elements", "message"),
    [
        (("happy", "bored"), UNITS, r"does not know \['bored'\]; known: \['neutral', 'happy'"),
        (("happy", "sad"), ("AU12",), r"relates 'sad' to \['AU1', .*none of \['AU12'\]"),
    ],
)
def test_what_the_experts_did_not_look_at_is_refused(classes: tuple, elements: tuple, message: str):
    with pytest.raises(DistilleryError, match=message):
        expert(classes, elements)
