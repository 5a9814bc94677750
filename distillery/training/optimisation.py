"""Optimisers by name, and the moving average of the weights."""

from collections.abc import Sequence

import torch
from torch import nn

from distillery.errors import DistilleryError
from distillery.methods import OptimiserName


def make_optimiser(
    name: OptimiserName, parameters: Sequence[nn.Parameter], *, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov, Hutter, ICLR 2019), or one that needs no tuned rate: Prodigy (Mishchenko, Defazio, ICML 2024,
    arXiv 2306.06101), schedule-free AdamW (Defazio et al., NeurIPS 2024, arXiv 2405.15682). Biases and normalisations
    do not decay.

    Raises:
        DistilleryError: the optimiser's package is not installed.
    """
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    try:
        match name:
            case "adamw":
                return torch.optim.AdamW(groups, lr=learning_rate, fused=True)
            case "prodigy":
                from prodigyopt import Prodigy

                return Prodigy(groups, lr=learning_rate, safeguard_warmup=True)
            case "schedulefree":
                from schedulefree import AdamWScheduleFree

                return AdamWScheduleFree(groups, lr=learning_rate)
    except ImportError as error:
        raise DistilleryError(
            f"optimiser: {name} needs a package that is not installed ({error}); "
            "install it with: pip install 'distillery[optimisers]'"
        ) from error


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
