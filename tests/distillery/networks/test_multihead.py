import math
from collections.abc import Callable

import pytest
import torch

from distillery.errors import DistilleryError
from distillery.heads import Heads, Regression
from distillery.networks.backbones import NOT_PLAIN, make_backbone
from distillery.networks.compact import Compact
from distillery.networks.multihead import MEAN, STD, MultiHead, bin_centres, decode_all, decode_logits

SHAPES = {"mood": (2, 3), "units": (2, 3), "years": (2, 1), "place": (2, 2)}


@pytest.mark.parametrize("backbone", ["compact", "mobilenet_v3_small", "resnet18"])
def test_every_head_has_its_values(heads: Heads, backbone: str):
    network = MultiHead(heads, backbone=backbone, width=0.25, dropout=0.1, size=32)
    logits = network(torch.rand(2, 3, 64, 64))
    assert {name: tuple(value.shape) for name, value in logits.items()} == {**SHAPES, "years": (2, 5)}
    assert all(value.dtype == torch.float32 for value in logits.values())
    decoded = decode_all(heads, logits)
    assert {name: tuple(values.shape) for name, (values, _) in decoded.items()} == SHAPES
    assert [name for name, (_, variance) in decoded.items() if variance is not None] == ["years"]


def test_every_head_learns_into_the_shared_backbone(heads: Heads, make_network: Callable):
    for name in heads:
        network = make_network()
        network(torch.rand(4, 3, 16, 16))[name].square().sum().backward()
        assert network.backbone.layers[0][0].weight.grad.abs().max() > 0


def test_images_are_normalised_inside(make_network: Callable):
    network, seen = make_network().eval(), []
    network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(torch.rand(1, 3, 4, 4) * 0 + torch.tensor(MEAN).view(1, 3, 1, 1) + torch.tensor(STD).view(1, 3, 1, 1))
    assert torch.allclose(seen[0], torch.ones(1, 3, 4, 4), atol=1e-5)


@pytest.mark.parametrize(("width", "features"), [(1.0, 256), (0.5, 128), (0.01, 8)])
def test_width_scales_the_compact_network(width: float, features: int):
    network = Compact(width)
    assert network.features == features
    assert network(torch.rand(2, 3, 20, 28)).shape == (2, features)


@pytest.mark.parametrize("name", ["resnet", "", *NOT_PLAIN])
def test_an_unknown_backbone_is_named(name: str):
    with pytest.raises(
        DistilleryError, match=rf"network\.backbone is '{name}'; allowed: compact or one of .*'resnet18'"
    ):
        make_backbone(name, width=1, size=32)


def test_a_distribution_over_bins_is_its_mean_and_variance():
    head = Regression(kind="regression", outputs=("x", "y"), range=(-2, 4), bins=4)
    logits = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    mean, variance = decode_logits(head, logits)
    for row in range(5):
        for output in range(2):
            powers = [math.exp(z) for z in logits[row, output * 4 : output * 4 + 4].tolist()]
            p = [e / sum(powers) for e in powers]
            wanted = sum(q * c for q, c in zip(p, (-2, 0, 2, 4), strict=True))
            spread = sum(q * (c - wanted) ** 2 for q, c in zip(p, (-2, 0, 2, 4), strict=True))
            assert mean[row, output].item() == pytest.approx(wanted, abs=1e-5)
            assert variance[row, output].item() == pytest.approx(spread, rel=1e-4)


def test_bins_reach_from_end_to_end_of_the_range():
    head = Regression(kind="regression", outputs=("x",), range=(0, 116), bins=30)
    assert bin_centres(head, torch.zeros(1))[[0, -1]].tolist() == [0, 116]
    assert decode_logits(head, torch.zeros(1, 30))[0].item() == pytest.approx(58)


def test_the_other_kinds_decode_to_probabilities_and_units(heads: Heads):
    assert decode_logits(heads["mood"], torch.tensor([[0.0, math.log(3), 0.0]]))[0][0].tolist() == pytest.approx(
        [0.2, 0.6, 0.2]
    )
    assert decode_logits(heads["units"], torch.tensor([[0.0, math.log(3), -99]]))[0][0].tolist() == pytest.approx(
        [0.5, 0.75, 0]
    )
    assert decode_logits(heads["place"], torch.tensor([[0.0, 0.75]]))[0][0].tolist() == pytest.approx([-1, 0.5])


def test_no_number_is_beyond_what_a_label_may_be(heads: Heads):
    assert decode_logits(heads["place"], torch.tensor([[-0.01, 1.2]]))[0][0].tolist() == [-1, 1]
