"""Artefacts pushed to a store and pulled on another machine, where nothing has to run: a folder and a real S3 server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import free_port, wait_until_answered
from tests.world import call, contents

AS_SOMEBODY = ("git", "-c", "user.name=t", "-c", "user.email=t@localhost")
KEYS = {
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture
def folder_store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of an S3 server with one bucket."""
    import boto3

    for key, value in KEYS.items():
        monkeypatch.setenv(key, value)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (tmp_path / "s3.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_answered(address, server, tmp_path / "s3.log")
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket="artefacts")
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.parametrize("kind", ["folder_store", "s3"])
def test_on_a_second_machine_everything_is_pulled_and_nothing_runs(
    kind: str, world: Path, tmp_path: Path, request: pytest.FixtureRequest
):
    place = request.getfixturevalue(kind)
    mine = world / "data/raw/mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("whose pictures these are")
    call(world, "dvc", "add", "data/raw/mine")
    call(world, "dvc", "repro")
    _add_remote(world, place if kind == "folder_store" else "s3://artefacts/faces", place if kind == "s3" else None)
    call(world, "dvc", "push")
    second = _clone(world, tmp_path / "second")
    call(second, "dvc", "pull", "dvc.yaml", "data/raw/mine.dvc")
    assert contents(second / "data/raw") == contents(world / "data/raw")
    for name in ("models", "data/manifest.parquet", "data/rounds", "data/report", "data/promotion.json"):
        assert contents(second / name) == contents(world / name)
    before = (second / "dvc.lock").read_bytes()
    output = call(second, "dvc", "repro")
    assert "Running stage" not in output
    assert "is cached" not in output, "nothing is even restored"
    assert (second / "dvc.lock").read_bytes() == before


def test_a_store_that_refuses_is_named_and_the_next_push_is_whole(world: Path, s3: str, tmp_path: Path):
    _add_remote(world, "s3://nobodys/faces", s3)
    refused = call(world, "dvc", "push", check=False)
    assert "The specified bucket does not exist" in refused
    assert "pushed" not in refused
    _add_remote(world, "s3://artefacts/faces", s3)
    call(world, "dvc", "push")
    second = _clone(world, tmp_path / "second")
    call(second, "dvc", "pull", "dvc.yaml")
    assert contents(second / "models") == contents(world / "models")


def _add_remote(world: Path, url: str, endpoint: str | None) -> None:
    call(world, "dvc", "remote", "add", "--force", "--default", "store", url)
    if endpoint:
        call(world, "dvc", "remote", "modify", "store", "endpointurl", endpoint)
    for command in (["add", "-A"], ["commit", "-q", "-m", "artefacts"]):
        subprocess.run([*AS_SOMEBODY, *command], cwd=world, check=True)


def _clone(world: Path, folder: Path) -> Path:
    subprocess.run(["git", "clone", "-q", str(world), str(folder)], check=True)
    return folder
