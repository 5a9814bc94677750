import torch

from distillery.losses.coupling.co_annotation import name_class, switch_on

RELATED = torch.tensor([[0.0, 0, 0], [1, 0.5, 0], [0, 0, 1]])  # neutral, happy, sad


def test_a_class_switches_on_its_elements_with_their_relation_as_weight():
    labels = torch.eye(3)
    marks, weights = switch_on(labels, torch.ones(3), RELATED)
    assert marks.tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert torch.equal(weights, RELATED)


def test_an_empty_cell_switches_nothing_on():
    _, weights = switch_on(torch.eye(3), torch.zeros(3), RELATED)
    assert weights.abs().max() == 0


def test_all_elements_of_a_class_give_it_and_the_class_with_most_elements_wins():
    marks = torch.tensor([[1.0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 1], [0, 0, 0]])
    labels, weights = name_class(marks, torch.ones(5, 3), RELATED)
    assert weights.tolist() == [1, 0, 1, 1, 0]
    assert labels.argmax(dim=1)[[0, 2, 3]].tolist() == [1, 1, 2]


def test_an_element_that_is_not_labelled_gives_nothing():
    _, weights = name_class(torch.ones(1, 3), torch.tensor([[1.0, 0, 0]]), RELATED)
    assert weights.tolist() == [0]
