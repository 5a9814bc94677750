"""Heads of every kind and a step of a weighting by hand."""

import pytest
import torch
from torch import Tensor

from distillery.heads import Classification, Detection, Heads, Regression


@pytest.fixture
def heads() -> Heads:
    return {
        "mood": Classification(kind="classification", classes=("a", "b", "c", "d"), weight=0.5),
        "marks": Detection(kind="detection", elements=("x", "y"), weight=3),
        "age": Regression(kind="regression", outputs=("years",), range=(0, 100), bins=5),
    }


@pytest.fixture
def present() -> Tensor:
    return torch.tensor([True, True, True])
