import signal
from pathlib import Path

import polars as pl
import pytest

from distillery.errors import DistilleryError
from distillery.networks.model import load_model
from distillery.params import Params
from distillery.tables import manifest_schema, read_table, write_table
from tasks.support.command import read_params
from tasks.teacher import train_teacher
from tests.world import call, edit_params, environment, start

WEIGHTS = Path("models/r0/weights.safetensors")


def test_the_model_folder_is_complete_and_loads(world: Path, params: Params):
    assert {path.name for path in Path("models/r0").iterdir()} == {
        "weights.safetensors",
        "card.json",
        "history.parquet",
    }
    network, card = load_model(Path("models/r0"))
    assert card.heads == params.learnt
    assert set(network.heads) == set(params.learnt)
    history = pl.read_parquet("models/r0/history.parquet")
    assert history["epoch"].to_list() == [1, 2]
    assert history["train_loss/age"].is_finite().all()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_goes_on_and_ends_with_the_same_bytes(world: Path, stop: signal.Signals):
    edit_params(world, lambda params: params["teacher"].update(epochs=12))
    call(world, "tasks.teacher")
    undisturbed = WEIGHTS.read_bytes()

    with start(world, "tasks.teacher", env=environment(world)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "epoch 3 of 12" in line:
                process.send_signal(stop)
                break
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "run the same command again" in rest
    assert "Traceback" not in rest
    assert WEIGHTS.read_bytes() == undisturbed, "the old model stays until the new one is whole"

    WEIGHTS.unlink()
    output = call(world, "tasks.teacher")
    assert WEIGHTS.read_bytes() == undisturbed
    assert "epoch 12 of 12" in output


def test_labels_of_validation_test_and_audit_reach_no_weight(world: Path, params: Params):
    before = WEIGHTS.read_bytes()
    path = Path("data/manifest.parquet")
    table = read_table(path)
    other = pl.when(pl.col("split") == "train").then(pl.col("gender").cast(pl.String)).otherwise(pl.lit("male"))
    write_table(table.with_columns(gender=other).to_arrow(), manifest_schema(params.heads), path)
    train_teacher(params)
    assert WEIGHTS.read_bytes() == before


def test_a_mixing_without_images_is_refused(world: Path, params: Params):
    edit_params(world, lambda found: found["teacher"].update(mixing={"studio": 1, "webcam": 1, "print": 1}))
    with pytest.raises(DistilleryError, match="'print', which has no usable training image"):
        train_teacher(read_params())
