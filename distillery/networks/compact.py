"""A compact residual network for small images on a CPU: stride-2 stem, four basic blocks (He et al., CVPR 2016)."""

import torch
from torch import Tensor, nn

CHANNELS = (32, 64, 128, 256)


class Compact(nn.Module):
    """Float [batch, 3, height, width] to features [batch, 8 * stem channels]. ``width`` scales all channels."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [max(8, round(width * c / 8) * 8) for c in CHANNELS]
        layers: list[nn.Module] = [_convolution(3, channels[0], stride=2), nn.ReLU(inplace=True)]
        before = channels[0]
        for stage, after in enumerate(channels):
            layers.append(_Block(before, after, stride=2 if stage else 1))
            before = after
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.features = before

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class _Block(nn.Module):
    def __init__(self, before: int, after: int, *, stride: int) -> None:
        super().__init__()
        self.first = _convolution(before, after, stride=stride)
        self.second = _convolution(after, after, stride=1)
        self.shortcut: nn.Module = nn.Identity()
        if before != after or stride != 1:
            self.shortcut = _convolution(before, after, stride=stride, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


def _convolution(before: int, after: int, *, stride: int, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(after))
