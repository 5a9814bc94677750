"""AdamW, warm-up and cosine, and the moving average of the weights."""

import math

import torch
from torch import nn


def make_optimiser(network: nn.Module, *, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov, Hutter, ICLR 2019); biases and normalisations do not decay."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, fused=True)


def rate_at(step: int, *, steps: int, warmup: float, peak: float) -> float:
    """Linear warm-up over a share of the steps, then half a cosine to 0 (Loshchilov, Hutter, ICLR 2017)."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return peak * (step + 1) / rising
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


class MovingAverage:
    """Exponential moving average of a network's state; ``decay`` 0 follows the network itself.

    The decay starts low, ``min(decay, (1 + t) / (10 + t))``, so that the first weights do not linger.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.state = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        decay = min(self._decay, (1 + step) / (10 + step))
        current = network.state_dict()
        floats = [name for name, value in self.state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.state[name] for name in floats], [current[name] for name in floats], 1 - decay)
        for name in self.state.keys() - set(floats):
            self.state[name].copy_(current[name])
