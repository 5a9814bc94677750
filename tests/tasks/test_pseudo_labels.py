from pathlib import Path

from distillery.params import Params
from distillery.tables import read_metadata, read_table
from tasks import pseudo_labels
from tasks.support.command import read_params
from tests.world import edit_params

PATH = Path("data/rounds/r1/pseudo_labels.parquet")


def test_a_higher_threshold_keeps_fewer_and_what_it_keeps_is_surer(world: Path, params: Params):
    few = read_table(PATH)
    sure = float(few["gender_confidence"].median())
    edit_params(world, lambda found: found["pseudo_labels"]["heads"]["gender"]["rules"][0].update(least=sure))
    pseudo_labels.main(read_params(), "r1")
    after = read_table(PATH)
    kept = after.filter(after["gender_reason"] == "kept")
    assert 0 < len(kept) < (few["gender_reason"] == "kept").sum()
    assert kept["gender_confidence"].min() >= sure


def test_labelled_cells_have_no_pseudo_label(world: Path):
    table = read_table(PATH)
    labelled = table.filter(table["gender_reason"] == "labelled")
    assert len(labelled) > 0
    assert labelled["gender_weight"].null_count() == labelled["gender_soft"].null_count() == len(labelled)


def test_the_teacher_is_named_in_the_file(world: Path):
    from distillery.networks.model import file_hash

    assert read_metadata(PATH)["teacher"] == file_hash(Path("models/r0/weights.safetensors"))
