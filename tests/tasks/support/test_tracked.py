import yaml

from distillery.params import Params, validate
from tasks.support.tracked import licences
from tests.world import ROOT


def _params(**mixing: float) -> Params:
    """The committed ones and two sets that no batch draws: one has empty cells to fill, one is only measured on."""
    found = yaml.safe_load((ROOT / "params.yaml").read_text())
    sets = found["manifest"]["datasets"]
    sets["partly"] = {**sets["studio"], "splits": {"all": {"train": 0.5, "unlabelled": 0.5}}}
    sets["measured"] = {**sets["studio"], "splits": {"all": {"test": 1}}}
    found["tracking"]["licences"] = {"studio": "CC0", "webcam": "CC-BY", "partly": "research", "measured": "secret"}
    found["student"]["mixing"] |= mixing
    return validate(found, "params")


def test_a_teacher_learns_from_the_sets_that_its_batches_draw():
    assert licences(_params(), "r0") == "studio: CC0; webcam: CC-BY"


def test_a_student_learns_from_every_set_with_cells_that_were_filled():
    assert licences(_params(), "r1") == "studio: CC0; webcam: CC-BY; print: not said; partly: research"


def test_a_student_of_no_pseudo_labels_learns_from_its_labels_and_its_teacher():
    assert licences(_params(studio=0, pseudo_labelled=0), "r1") == "studio: CC0; webcam: CC-BY"
