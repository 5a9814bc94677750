import math

import pytest

from distillery.training.schedule import share_at


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (55, 0.5), (99, 0.5 * (1 + math.cos(math.pi * 89 / 90)))],
)
def test_the_rate_rises_linearly_then_falls_as_a_cosine(step: int, rate: float):
    assert share_at("cosine", step, steps=100, warmup=0.1) == pytest.approx(rate)


@pytest.mark.parametrize(("warmup", "steps"), [(0.0, 1), (0.0, 5), (1.0, 5), (0.5, 2)])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "dynamic"])
def test_the_rate_is_positive_at_every_step(schedule: str, warmup: float, steps: int):
    assert all(0 < share_at(schedule, step, steps=steps, warmup=warmup) <= 1 for step in range(steps))


@pytest.mark.parametrize("schedule", ["constant", "dynamic"])
def test_after_the_warm_up_the_others_stay_at_the_peak(schedule: str):
    shares = [share_at(schedule, step, steps=100, warmup=0.1) for step in range(100)]
    assert shares[:10] == pytest.approx([0.1 * place for place in range(1, 11)])
    assert set(shares[10:]) == {1.0}
