"""Every backbone under every weighting and coupling for a few steps."""

from typing import get_args

import pytest
import torch

from distillery.heads import Heads
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.methods import Aggregation, WeightingName
from distillery.networks.multihead import MultiHead
from distillery.training.coupling import DistributionMatching, SoftCoAnnotation
from distillery.training.examples import Examples
from distillery.training.run import Run
from distillery.training.settings import Settings
from distillery.training.step import train_step
from tests.distillery.training.conftest import SETTINGS

BACKBONES = ("resnet18", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny", "vit_b_16")


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_backbone_learns_under_every_weighting_with_couplings(
    backbone: str, heads: Heads, examples: Examples, store: ImageStore
):
    torch.manual_seed(0)
    network = MultiHead(heads, backbone=backbone, width=1, dropout=0.1, size=32).train()
    start = {name: value.clone() for name, value in network.state_dict().items()}
    pixels = to_float(store.gather(examples.positions))
    images = torch.nn.functional.interpolate(pixels, size=(32, 32)).contiguous(memory_format=torch.channels_last)
    related = torch.rand(len(heads["mood"].classes), len(heads["units"].elements))
    names = {"classes": "mood", "elements": "units", "relatedness": related, "weight": 0.1}
    ties = [
        SoftCoAnnotation(**names, temperature=0.2),
        DistributionMatching(**names, form="bernoulli", constant="none"),
    ]
    for weighting in get_args(WeightingName):
        network.load_state_dict(start)
        settings = Settings(**{**SETTINGS, "weighting": weighting, "ema": 0.0, "learning_rate": 1e-4})
        run = Run(network, heads, settings, couplings=ties)
        steps = 1 if weighting in get_args(Aggregation) else 3  # a gradient of 86 million numbers for each head
        records = [train_step(run, images, examples.cells, settings) for _ in range(steps)]
        values = torch.stack([value for record in records for value in record.values()])
        assert values.isfinite().all(), weighting
        moved = [name for name, value in network.named_parameters() if not torch.equal(value, start[name])]
        assert len(moved) > 0.9 * len(list(network.parameters())), weighting
