import pytest
import torch

from distillery.errors import DistilleryError
from distillery.heads import Heads
from distillery.networks.backbones import make_backbone
from distillery.networks.multihead import MultiHead


def _network(heads: Heads, depth: float, backbone: str = "compact") -> MultiHead:
    torch.manual_seed(0)
    return MultiHead(heads, backbone=backbone, width=0.25, size=32, stochastic_depth=depth)


def test_branches_are_left_out_while_training_alone_and_the_weights_are_the_same_ones(heads: Heads):
    plain, dropping = _network(heads, 0.0), _network(heads, 0.9)
    assert all(torch.equal(one, dropping.state_dict()[name]) for name, one in plain.state_dict().items())
    images = torch.rand(4, 3, 32, 32)
    plain.eval()
    dropping.eval()
    assert torch.equal(plain(images)["mood"], dropping(images)["mood"])
    dropping.train()
    one, other = dropping(images)["mood"], dropping(images)["mood"]
    assert not torch.equal(one, other)


def test_later_blocks_are_left_out_more_often():
    backbone, _ = make_backbone("compact", width=0.25, size=32, stochastic_depth=0.8)
    chances = [module.p for module in backbone.modules() if type(module).__name__ == "StochasticDepth"]
    assert chances == pytest.approx([0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize("backbone", ["efficientnet_b0", "convnext_tiny", "swin_t"])
def test_networks_of_torchvision_that_know_it_do_it(backbone: str):
    for depth in (0.7, 0.0):
        network, _ = make_backbone(backbone, width=1, size=32, stochastic_depth=depth)
        chances = [module.p for module in network.modules() if type(module).__name__ == "StochasticDepth"]
        assert max(chances) == pytest.approx(depth)


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v3_small", "vit_b_16"])
def test_one_that_does_not_is_refused_by_name(backbone: str):
    with pytest.raises(
        DistilleryError, match=rf"stochastic_depth is 0\.5, and {backbone} has no branches to leave out; allowed: 0"
    ):
        make_backbone(backbone, width=1, size=32, stochastic_depth=0.5)
