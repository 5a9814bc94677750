import re

from distillery.reporting.dots import Mark, draw_dots


def mark(key: str, value: float, *, filled: bool = True) -> Mark:
    return Mark(round=key, name="ensemble", filled=filled, value=value, low=value - 0.1, high=value + 0.1)


def test_greater_values_stand_higher_and_rounds_go_right() -> None:
    drawn = draw_dots([mark("r0", 0.4), mark("r1", 0.8)], ["r0", "r1"], label="")
    (x0, y0), (x1, y1) = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    assert x0 < x1
    assert y0 > y1


def test_what_is_not_a_number_is_left_out() -> None:
    drawn = draw_dots([mark("r0", float("nan")), mark("r1", 0.5, filled=False)], ["r0", "r1"], label="")
    assert drawn.count("<circle") == 1
    assert "nan" not in drawn


def test_value_and_interval_are_in_the_tooltip_and_names_are_escaped() -> None:
    drawn = draw_dots([mark("<r0>", 0.5)], ["<r0>"], label='"a" & b')
    assert "<title>&lt;r0&gt;, ensemble: 0.500 (0.400 to 0.600)</title>" in drawn
    assert 'aria-label="&#34;a&#34; &amp; b"' in drawn
