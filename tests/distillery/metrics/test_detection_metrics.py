import pytest
import torch

from distillery.metrics.detection import score_elements

ELEMENTS = ("a", "b", "c")


def _score(probabilities: torch.Tensor, labels: torch.Tensor, elements: tuple[str, ...]) -> dict[str, float]:
    return score_elements(probabilities, labels, elements, (labels == 1).any(dim=0))


def _naive_f1(p: torch.Tensor, y: torch.Tensor, element: int) -> float:
    pairs = [(float(q) >= 0.5, int(t)) for q, t in zip(p[:, element], y[:, element], strict=True) if t >= 0]
    right = sum(d and t == 1 for d, t in pairs)
    return 2 * right / (sum(d for d, _ in pairs) + sum(t == 1 for _, t in pairs))


@pytest.fixture
def probabilities() -> torch.Tensor:
    return torch.rand(40, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("lowest", [0, -1])
def test_f1_of_each_element_and_their_mean_leave_empty_cells_out(probabilities: torch.Tensor, lowest: int):
    labels = torch.randint(lowest, 2, (40, 3), generator=torch.Generator().manual_seed(1))
    found = _score(probabilities, labels, ELEMENTS)
    naive = [_naive_f1(probabilities, labels, element) for element in range(3)]
    assert [found[f"f1_{name}"] for name in ELEMENTS] == pytest.approx(naive, rel=1e-5)
    assert found["f1_macro"] == pytest.approx(sum(naive) / 3, rel=1e-5)
    known = labels >= 0
    assert found["accuracy"] == pytest.approx(float(((probabilities >= 0.5) == labels)[known].float().mean()))


def test_what_an_empty_cell_predicts_does_not_matter(probabilities: torch.Tensor):
    labels = torch.randint(-1, 2, (40, 3), generator=torch.Generator().manual_seed(1))
    other = torch.where(labels < 0, 1 - probabilities, probabilities)
    assert _score(other, labels, ELEMENTS) == _score(probabilities, labels, ELEMENTS)


def test_an_element_that_never_occurs_has_no_f1_and_no_part_in_the_mean(probabilities: torch.Tensor):
    labels = torch.ones(40, 3, dtype=torch.long)
    labels[:, 1] = 0
    found = _score(probabilities, labels, ELEMENTS)
    assert "f1_b" not in found
    assert found["f1_macro"] == pytest.approx((found["f1_a"] + found["f1_c"]) / 2)


def test_one_half_counts_as_yes_in_every_metric():
    found = _score(torch.full((4, 3), 0.5), torch.ones(4, 3, dtype=torch.long), ELEMENTS)
    assert set(found.values()) == {1.0}
