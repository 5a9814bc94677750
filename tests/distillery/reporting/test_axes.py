import pytest

from distillery.reporting.axes import Scale, fit_scale, number


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.61, 0.68], 0.6, 0.68),
        ([0.0, 9.3], 0, 10),
        ([-0.3, 0.2], -0.3, 0.2),
        ([5.0, 5.0], 4.4, 5.6),
        ([float("nan"), None], 0, 1),
    ],
)
def test_scale_holds_every_value_between_round_numbers(values: list, low: float, high: float) -> None:
    scale = fit_scale(values, 0, 100)
    assert (scale.low, scale.high) == pytest.approx((low, high))
    assert 2 <= len(scale.ticks()) <= 7


def test_scale_places_its_ends_and_its_middle() -> None:
    scale = Scale(10, 20, 140, 40)  # upside down, as the screen counts
    assert [scale.place(value) for value in (10, 15, 20)] == [140, 90, 40]
    assert scale.ticks()[0] == (140, "10")


def test_number_has_digits_by_size_and_a_dash_for_nothing() -> None:
    assert [number(value) for value in (0.12345, -0.5, 12.34, float("nan"), None)] == [
        "0.123",
        "−0.500",
        "12.3",
        "–",
        "–",
    ]
