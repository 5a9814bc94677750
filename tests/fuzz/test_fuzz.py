"""A minute of the fuzzing that ``python -m tests.fuzz`` does for longer: the same targets, the same inputs every time."""

import os
from pathlib import Path

import pytest

from tests.fuzz.campaign import run_target
from tests.fuzz.targets import NAMES

INPUTS = int(os.environ.get("DISTILLERY_FUZZ", "60"))


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_read_works_or_raises_the_documented_error(name: str, tmp_path: Path):
    assert run_target(name, tmp_path, inputs=INPUTS, repeatable=True) > INPUTS / 2
