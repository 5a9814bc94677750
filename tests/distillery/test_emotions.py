from distillery.emotions import components, units_by_emotion

UNITS = {f"AU{number}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 17, 20, 23, 24, 25, 26)}


def test_the_table_holds_six_basic_and_fifteen_compound_emotions_of_seventeen_units():
    table = units_by_emotion()
    assert len(table) == 21
    assert {unit for name in list(table)[:6] for unit in table[name]} == UNITS
    assert table["happy"] == {"AU6": 0.51, "AU12": 1, "AU25": 1}
    assert table["awed"] == {"AU1": 1, "AU2": 1, "AU4": 0.21, "AU5": 1, "AU20": 0.62, "AU25": 1, "AU26": 0.56}
    assert sum(share == 1 for units in table.values() for share in units.values()) == 68  # 18 basic, 50 compound


def test_twelve_compounds_are_made_of_two_basic_emotions():
    found = components()
    assert len(found) == 12
    assert found["happily surprised"] == ("happy", "surprised")
    assert found["disgustedly surprised"] == ("disgusted", "surprised")
    assert {part for pair in found.values() for part in pair} == set(list(units_by_emotion())[:6])
