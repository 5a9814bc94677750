from pathlib import Path

import pytest
from hypothesis import find
from hypothesis import strategies as st

from tests.fuzz import campaign, targets
from tests.fuzz.mutations import mutated

SEED = bytes(range(64))


@pytest.mark.parametrize(
    "reached",
    [
        lambda found: len(found) < 32,
        lambda found: len(found) > 64,
        lambda found: len(found) == 64 and sum(a != b for a, b in zip(found, SEED, strict=True)) == 1,
        lambda found: b"\xff\xff\xff\xff" in found,
        lambda found: found.startswith(b"\0\1\2\3") and found.endswith(b"the end of another"),
    ],
)
def test_every_kind_of_damage_is_reached(reached):
    assert reached(find(mutated([SEED, b"x" * 32 + b"the end of another"]), reached))


def test_an_input_that_breaks_a_property_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def check(found: int, folder: Path) -> None:
        assert found % 7 or not found

    monkeypatch.setattr(campaign, "make_target", lambda *_: targets.Target(st.integers(0, 1000), check))
    with pytest.raises(AssertionError):
        campaign.run_target("any", tmp_path, inputs=200, repeatable=True)


def test_an_unknown_target_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="no target x-y; allowed: "):
        targets.make_target("x-y", tmp_path)
