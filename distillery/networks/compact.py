"""A compact residual network for small images on a CPU: stride-2 stem, four basic blocks (He et al., CVPR 2016)."""

from torch import Tensor, nn

CHANNELS = (32, 64, 128, 256)


class Compact(nn.Module):
    """Float [batch, 3, height, width] to features [batch, 8 * stem channels].

    Args:
        width: scales all channels.
        stochastic_depth: the chance that training leaves out the last block's residual branch in an image; those
            before it in proportion (Huang et al., Deep networks with stochastic depth, ECCV 2016, section 3).
    """

    def __init__(self, width: float = 1.0, stochastic_depth: float = 0.0) -> None:
        super().__init__()
        channels = [max(8, round(width * c / 8) * 8) for c in CHANNELS]
        layers: list[nn.Module] = [_convolution(3, channels[0], stride=2), nn.ReLU(inplace=True)]
        before = channels[0]
        for stage, after in enumerate(channels):
            chance = stochastic_depth * (stage + 1) / len(channels)
            layers.append(_Block(before, after, stride=2 if stage else 1, chance=chance))
            before = after
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.features = before

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class _Block(nn.Module):
    def __init__(self, before: int, after: int, *, stride: int, chance: float) -> None:
        super().__init__()
        self.first = _convolution(before, after, stride=stride)
        self.second = _convolution(after, after, stride=1)
        self.shortcut: nn.Module = nn.Identity()
        if before != after or stride != 1:
            self.shortcut = _convolution(before, after, stride=stride, kernel=1)
        self.drop: nn.Module = nn.Identity()
        if chance:
            # torchvision takes seconds to import, and most trainings do without.
            from torchvision.ops import StochasticDepth

            self.drop = StochasticDepth(chance, "row")

    def forward(self, x: Tensor) -> Tensor:
        # In place: nothing here is needed again by the gradient, and each copy is a pass through memory.
        changed = self.drop(self.second(self.first(x).relu_()))
        return changed.add_(self.shortcut(x)).relu_()


def _convolution(before: int, after: int, *, stride: int, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(after))
