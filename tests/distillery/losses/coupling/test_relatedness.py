import pytest
import torch

from distillery.errors import DistilleryError
from distillery.losses.coupling.relatedness import declared, empirical


def test_a_table_becomes_a_matrix_and_what_it_does_not_name_is_zero():
    found = declared({"cat": {"fur": 1, "fins": 0.2}}, ("fish", "cat"), ("fins", "fur"))
    assert found.tolist() == [[0, 0], [pytest.approx(0.2), 1]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"dog": {"fur": 1}}, r"class 'dog'; allowed: \['fish', 'cat'\]"),
        ({"cat": {"wings": 1}}, r"'cat' names 'wings'; allowed: \['fins', 'fur'\]"),
    ],
)
def test_unknown_names_are_refused(table: dict, message: str):
    with pytest.raises(DistilleryError, match=message):
        declared(table, ("fish", "cat"), ("fins", "fur"))


LABELS = torch.eye(2)[torch.tensor([0, 0, 0, 1, 1])]
MARKS = torch.tensor([[1.0, 0], [1, 1], [0, 1], [0, 1], [0, 1]])


def test_frequencies_by_hand():
    """Of three images of the first class the second has no class label and the third no label of the first element."""
    known = torch.tensor([[1.0, 1], [1, 1], [0, 1], [1, 1], [1, 1]])
    found = empirical(LABELS, torch.tensor([1.0, 0, 1, 1, 1]), MARKS, known, ("fish", "cat"))
    assert found.tolist() == [[1, 0.5], [0, 1]]


def test_images_without_both_labels_change_nothing():
    more = torch.cat([MARKS, torch.ones(3, 2)])
    known = torch.cat([torch.ones(5, 2), torch.zeros(3, 2)])
    labels, weights = torch.cat([LABELS, LABELS[:3]]), torch.ones(8)
    alone = empirical(LABELS, torch.ones(5), MARKS, torch.ones(5, 2), ("fish", "cat"))
    assert torch.equal(empirical(labels, weights, more, known, ("fish", "cat")), alone)


def test_a_class_that_no_image_carries_beside_the_elements_is_named():
    with pytest.raises(DistilleryError, match=r"both labels for \['cat'\]"):
        empirical(LABELS, torch.tensor([1.0, 1, 1, 0, 0]), MARKS, torch.ones(5, 2), ("fish", "cat"))
