import math

import pytest
import torch
from torch import Tensor

from distillery.heads import Identification
from distillery.metrics.identification import accuracies_by_fold, score_identities, score_pairs
from distillery.metrics.names import higher_is_better
from distillery.metrics.score import score


def _people(count: int, images: int, spread: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    people = torch.arange(count).repeat_interleave(images)
    centres = torch.randn(count, 16, generator=generator)
    return centres[people] + spread * torch.randn(len(people), 16, generator=generator), people


def test_people_who_are_apart_are_verified_without_a_fault():
    found = score_identities(*_people(20, 4, 0.01))
    assert set(found.values()) == {1.0}
    assert set(found) == {"auc", "accepted_at_0.01", "accepted_at_0.001", "verification_accuracy"}


def test_noise_is_chance():
    found = score_identities(*_people(40, 6, 50.0))
    assert found["auc"] == pytest.approx(0.5, abs=0.06)
    assert found["verification_accuracy"] == pytest.approx(0.5, abs=0.08)
    assert found["accepted_at_0.01"] < 0.05


def test_the_auc_is_the_chance_that_a_true_pair_is_more_similar_than_a_false_one():
    directions, people = _people(6, 3, 1.0)
    units = torch.nn.functional.normalize(directions, dim=1)
    true, false = [], []
    for i in range(len(people)):
        for j in range(i):
            (true if people[i] == people[j] else false).append(float(units[i] @ units[j]))
    wanted = sum(t > f for t in true for f in false) / (len(true) * len(false))
    assert score_identities(directions, people)["auc"] == pytest.approx(wanted, abs=1e-6)


def test_lengths_do_not_matter_and_an_image_is_no_pair_with_itself():
    directions, people = _people(10, 3, 1.0)
    once = score_identities(directions, people)
    lengths = torch.rand(30, 1, generator=torch.Generator().manual_seed(1)) + 0.1
    assert score_identities(directions * lengths, people) == pytest.approx(once, abs=1e-5)
    twice = score_identities(directions.repeat(2, 1), people.repeat(2))
    assert twice["auc"] == pytest.approx(once["auc"], abs=1e-6)


def test_the_threshold_of_a_fold_comes_from_the_others_alone():
    """The second fold is shifted: its own best threshold would give 1, that of the first gives one half."""
    similarity = torch.tensor([0.05, 0.1, 0.4, 0.45, 0.55, 0.6, 0.9, 0.95])
    same = torch.tensor([False, False, True, True] * 2)
    fold = torch.tensor([0] * 4 + [1] * 4)
    assert accuracies_by_fold(similarity, same, fold) == [0.5, 0.5]
    assert sum(accuracies_by_fold(similarity, same, torch.tensor([0, 1] * 4))) < 2
    assert accuracies_by_fold(similarity[:4].repeat(2), same, fold) == [1, 1]


def test_a_list_of_pairs_is_scored_by_its_folds_with_their_standard_error():
    """Cosines .9, .1 and so on; the first fold has one true pair below a false one."""
    cosines = torch.tensor([0.9, 0.1, 0.2, 0.3, 0.8, 0.1, 0.9, 0.2])
    first = torch.tensor([[1.0, 0.0]]).repeat(8, 1)
    second = torch.stack([cosines, (1 - cosines.square()).sqrt()], dim=1) * 3
    same, fold = torch.tensor([True, False] * 4), torch.tensor([0] * 4 + [1] * 4)
    value, low, high = score_pairs(first, second, same, fold)
    by_fold = accuracies_by_fold((1 + cosines) / 2, same, fold)
    assert value == pytest.approx(sum(by_fold) / 2)
    error = abs(by_fold[0] - by_fold[1]) / 2
    assert (low, high) == pytest.approx((value - 2 * error, value + 2 * error))
    assert error > 0


@pytest.mark.parametrize("people", [[0, 0, 0], [0, 1, 2]])
def test_without_pairs_of_both_kinds_there_is_no_answer(people: list[int]):
    found = score_identities(torch.randn(3, 4), torch.tensor(people))
    assert all(math.isnan(value) for value in found.values())


def test_only_labelled_images_count():
    head = Identification(kind="identification", dimensions=16)
    directions, people = _people(10, 3, 1.0)
    present = (torch.arange(30) < 18).float()
    assert score(head, directions, people[:, None].float(), present) == score_identities(directions[:18], people[:18])
    assert higher_is_better("auc")
