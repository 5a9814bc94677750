import pytest
import torch

from distillery.heads import Heads
from distillery.metrics import PRIMARY, higher_is_better, score


def _cells(heads: Heads, name: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    if name == "mood":
        values, labels = torch.rand(20, 3, generator=generator), torch.eye(3)[torch.arange(20) % 3]
    elif name == "units":
        values, labels = torch.rand(20, 3, generator=generator), torch.rand(20, 3, generator=generator).round()
    else:
        width = len(heads[name].outputs)
        values, labels = torch.rand(20, width, generator=generator), torch.rand(20, width, generator=generator)
    present = torch.ones(20, 3) if name == "units" else torch.ones(20)
    return values, labels, present


@pytest.mark.parametrize("name", ["mood", "units", "years", "place"])
def test_only_labelled_cells_are_scored(heads: Heads, name: str):
    values, labels, present = _cells(heads, name)
    present[12:] = 0
    found = score(heads[name], values, labels, present)
    assert found == pytest.approx(score(heads[name], values[:12], labels[:12], present[:12]), rel=1e-5)
    assert found != score(heads[name], values, labels, torch.ones_like(present))
    assert PRIMARY[heads[name].kind] in found


@pytest.mark.parametrize(
    ("metric", "higher"), [("ccc", True), ("f1_macro", True), ("mae", False), ("mae_valence", False)]
)
def test_only_errors_are_better_small(metric: str, higher: bool):
    assert higher_is_better(metric) == higher
