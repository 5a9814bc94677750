import pytest

from tasks.support import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the time is: its only item."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_what_an_interrupted_call_had_done_is_not_counted_as_speed(clock: list[float], capsys):
    told = progress.Progress("work", 1000)
    for seconds, done in ((0.1, 300), (0.2, 600), (6.2, 660), (20.2, 1000)):
        clock[0] = 100 + seconds
        told(done)
    assert capsys.readouterr().out.splitlines() == [
        "work: 660 of 1,000 images (66%), 10 a second, 34 s left",
        "work: 1,000 of 1,000 images (100%), 20 a second",
    ]


def test_what_had_been_done_before_a_slow_first_step_is_not_counted_either(clock: list[float], capsys):
    told = progress.Progress("work", 1000)
    for seconds, done in ((8, 900), (18, 950)):
        clock[0] = 100 + seconds
        told(done)
    assert capsys.readouterr().out.splitlines() == [
        "work: 900 of 1,000 images (90%)",
        "work: 950 of 1,000 images (95%), 5 a second, 10 s left",
    ]


def test_what_is_told_again_after_a_slow_start_is_not_counted_either(clock: list[float]):
    pace = progress.Pace()
    clock[0] += 30  # until a training has read its checkpoint
    for done in (100, 200, 300):  # epochs of before
        assert pace.at(done) is None
        clock[0] += 0.01
    clock[0] += 10
    assert pace.at(400) == pytest.approx(10, rel=0.01)


def test_what_is_done_at_once_has_no_speed(clock: list[float], capsys):
    progress.Progress("work", 3, "epochs")(3)
    assert capsys.readouterr().out == "work: 3 of 3 epochs (100%)\n"
