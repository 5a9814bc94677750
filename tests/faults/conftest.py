"""One server of stages for all tests here, and a world in its room for each."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.faults.room import Room, Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


@pytest.fixture
def room(server: Server, world: Path) -> Room:
    return Room(server, world)


@pytest.fixture
def rng() -> Random:
    """Where faults strike; FAULT_SEED moves them."""
    return Random(os.environ.get("FAULT_SEED", "0"))
