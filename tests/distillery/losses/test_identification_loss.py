import math

import pytest
import torch

from distillery.losses.identification import centre_loss, identity_cross_entropy, move_centres

EMBEDDINGS = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
TEMPLATES = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])
PEOPLE = torch.tensor([1, 0])


def _entropy(logits: list[float], person: int) -> float:
    return math.log(sum(math.exp(logit) for logit in logits)) - logits[person]


def test_without_a_margin_it_is_the_plain_softmax():
    found = identity_cross_entropy(EMBEDDINGS, PEOPLE, TEMPLATES, margin=0, scale=32)
    assert found.tolist() == pytest.approx([_entropy([6, 20, -3], 1), _entropy([2, 0, -1], 0)], abs=1e-5)


def test_with_a_margin_ones_own_angle_is_made_larger():
    """ArcFace by hand: the cosines of (3, 4) / 5 to the templates are 0.6, 0.8 and -0.6."""
    found = identity_cross_entropy(EMBEDDINGS[:1], PEOPLE[:1], TEMPLATES, margin=0.5, scale=4)
    own = math.cos(math.acos(0.8) + 0.5)
    assert found.item() == pytest.approx(_entropy([4 * 0.6, 4 * own, -4 * 0.6], 1), rel=1e-4)


def test_a_margin_does_not_depend_on_lengths():
    one = identity_cross_entropy(EMBEDDINGS, PEOPLE, TEMPLATES, margin=0.3, scale=8)
    other = identity_cross_entropy(EMBEDDINGS * 7, PEOPLE, TEMPLATES * 0.1, margin=0.3, scale=8)
    assert torch.allclose(one, other, atol=1e-5)


def test_the_loss_rises_with_the_angle_beyond_the_half_turn_too():
    """The other template is at a right angle to all of the circle."""
    angles = torch.linspace(0.02, math.pi - 0.02, 200)
    circle = torch.stack([angles.cos(), angles.sin(), torch.zeros(200)], dim=1)
    templates = torch.tensor([[1.0, 0, 0], [0, 0, 1]])
    found = identity_cross_entropy(circle, torch.zeros(200).long(), templates, margin=0.5, scale=1)
    assert (found.diff() > 0).all()


@pytest.mark.parametrize("embedding", [[1.0, 0.0], [-1.0, 0.0]])
def test_the_gradient_is_finite_at_both_ends(embedding: list[float]):
    found = torch.tensor([embedding], requires_grad=True)
    identity_cross_entropy(found, torch.tensor([0]), torch.eye(2), margin=0.5, scale=32).sum().backward()
    assert found.grad.isfinite().all()


def test_the_centre_loss_by_hand():
    centres = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    assert centre_loss(EMBEDDINGS, PEOPLE, centres).tolist() == [(9 + 16) / 2, 0.5]


def test_centres_move_by_the_papers_rule_and_only_for_images_that_count():
    """Two images of person 0, one of person 1 that nobody labels: c0 <- c0 - 0.5 * sum(c0 - x) / (1 + 2)."""
    centres = torch.tensor([[0.0, 0.0], [5.0, 5.0]])
    embeddings = torch.tensor([[3.0, 0.0], [0.0, 6.0], [9.0, 9.0]])
    move_centres(centres, embeddings, torch.tensor([0, 0, 1]), torch.tensor([1.0, 1, 0]), rate=0.5)
    assert centres.tolist() == [[0.5, 1.0], [5.0, 5.0]]


def test_centres_come_to_rest_at_the_mean():
    embeddings = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    centres = torch.zeros(1, 3)
    for _ in range(100):
        move_centres(centres, embeddings, torch.zeros(6).long(), torch.ones(6), rate=0.5)
    assert torch.allclose(centres[0], embeddings.mean(dim=0), atol=1e-5)
