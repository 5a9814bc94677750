from distillery.faces import action_units
from distillery.faces.head import load_head


def test_a_driven_unit_is_read_back_and_no_other_but_the_lips_a_jaw_parts():
    for unit in action_units.UNITS:
        for strength in (0.55, 1.3):
            found = {
                name for name, present in action_units.read(action_units.drive({unit: strength})).items() if present
            }
            assert found == ({"AU25", "AU26"} if unit == "AU26" else {unit})


def test_nothing_moved_is_nothing_seen():
    assert set(action_units.read({}).values()) == {0}


def test_a_unit_counts_from_its_threshold_on():
    assert action_units.read({"mouthSmile": 0.399})["AU12"] == 0
    assert action_units.read({"mouthSmile": 0.4})["AU12"] == 1


def test_every_action_of_the_table_is_one_that_the_head_can_do():
    known = set(load_head().actions)
    for row in action_units.TABLE:
        assert known & set(action_units.both_sides(row.action)), row.action
