import pytest
import torch

from distillery.metrics.reliability import reliability


def test_each_occupied_bin_has_its_confidence_accuracy_and_count():
    top = torch.tensor([0.55, 0.59, 0.95, 1.0, 0.91])
    labels = torch.tensor([0, 1, 0, 0, 1])
    found = reliability(torch.stack([top, 1 - top], dim=1), labels)
    assert [row["images"] for row in found] == [2, 3]
    assert [row["confidence"] for row in found] == pytest.approx([0.57, (0.95 + 1 + 0.91) / 3])
    assert [row["accuracy"] for row in found] == pytest.approx([1 / 2, 2 / 3])


def test_every_image_lies_in_one_bin():
    probabilities = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    found = reliability(probabilities, torch.zeros(200, dtype=torch.long), bins=7)
    assert sum(row["images"] for row in found) == 200
    assert len(found) > 1
