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
    """Exponential moving average of a network's state; ``decay`` 0 is the network itself, without a second copy.

    The decay starts low, ``min(decay, (1 + t) / (10 + t))``, so that the first weights do not linger.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        live = network.state_dict()
        self.state = {name: value.clone() for name, value in live.items()} if decay else live
        self._decay = decay
        # Taken once: a state dict costs as much as the update, and training changes its tensors in place.
        averaged = [name for name, value in live.items() if value.is_floating_point()]
        self._averages, self._values = [self.state[n] for n in averaged], [live[n] for n in averaged]
        counted = live.keys() - set(averaged)
        self._copies, self._counts = [self.state[n] for n in counted], [live[n] for n in counted]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the network as it is after ``step`` steps before this one."""
        if not self._decay:
            return
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averages, self._values, 1 - decay)
        if self._copies:
            torch._foreach_copy_(self._copies, self._counts)
