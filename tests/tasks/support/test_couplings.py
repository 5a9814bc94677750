import pytest
import torch
from pydantic import TypeAdapter

from distillery.errors import DistilleryError
from distillery.heads import Classification, Detection
from distillery.images.cells import Cells
from distillery.params.couplings import Coupling
from tasks.support.couplings import co_annotated, make_couplings

HEADS = {
    "feeling": Classification(kind="classification", classes=("neutral", "happy", "sad")),
    "units": Detection(kind="detection", elements=("AU4", "AU12", "AU15", "AU25")),
}


def _declare(**changed) -> Coupling:
    given = {"kind": "distribution_matching", "classes": "feeling", "elements": "units", "relatedness": "expert"}
    given |= {"weight": 0.5, "form": "bernoulli", "constant": "none"}
    return TypeAdapter(Coupling).validate_python({**given, **changed})


def _annotate(**changed) -> Coupling:
    given = {"kind": "co_annotation", "classes": "feeling", "elements": "units", "relatedness": "expert"}
    return TypeAdapter(Coupling).validate_python({**given, **changed})


@pytest.fixture
def cells() -> Cells:
    """Three faces, one of each feeling; the first two also carry units, the third does not."""
    marks = torch.tensor([[0.0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]])
    known = torch.tensor([[1.0] * 4, [1.0] * 4, [0.0] * 4])
    return Cells({"feeling": torch.eye(3), "units": marks}, {"feeling": torch.ones(3), "units": known})


def test_the_experts_matrix_reaches_the_loss(cells: Cells):
    (made,) = make_couplings(cells, [_declare()], HEADS)
    assert made.relatedness.tolist() == [[0, 0, 0, 0], [0, 1, 0, 1], [1, 0, 1, 0]]
    assert (made.name, made.weight) == ("distribution_matching-feeling-units", 0.5)


def test_a_declared_table_and_an_empirical_one(cells: Cells):
    two = {**HEADS, "feeling": Classification(kind="classification", classes=("neutral", "happy"))}
    cells = Cells(
        {**cells.labels, "feeling": torch.eye(3)[:, :2]}, {**cells.weights, "feeling": torch.tensor([1.0, 1, 0])}
    )
    declared, found = make_couplings(
        cells, [_declare(relatedness={"happy": {"AU12": 0.5}}), _declare(relatedness="empirical")], two
    )
    assert declared.relatedness.tolist() == [[0, 0, 0, 0], [0, 0.5, 0, 0]]
    assert found.relatedness.tolist() == [[0, 0, 0, 0], [0, 1, 0, 1]]


def test_co_annotation_is_no_loss_but_labels(cells: Cells):
    assert make_couplings(cells, [_annotate()], HEADS) == []
    found = co_annotated(cells, [_annotate(), _declare()], HEADS)
    assert found.labels["units"][2].tolist() == [1, 0, 1, 0]
    assert found.weights["units"][2].tolist() == [1, 0, 1, 0]
    assert torch.equal(found.labels["units"][:2], cells.labels["units"][:2])


@pytest.mark.parametrize(
    ("changed", "heads", "message"),
    [
        ({"relatedness": "empirical"}, HEADS, r"couplings\.0 \(feeling, units\): .*both labels for \['sad'\]"),
        (
            {},
            {**HEADS, "feeling": Classification(kind="classification", classes=("happy", "bored", "sad"))},
            r"couplings\.0 \(feeling, units\): relatedness: expert does not know \['bored'\]",
        ),
    ],
)
def test_what_cannot_be_related_is_named_by_its_place(cells: Cells, changed: dict, heads: dict, message: str):
    with pytest.raises(DistilleryError, match=message):
        make_couplings(cells, [_declare(**changed)], heads)
    with pytest.raises(DistilleryError, match=message):
        co_annotated(cells, [_annotate(**changed)], heads)
