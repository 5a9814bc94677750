"""A training step of our network by LibMTL's weightings, its architecture and weighting joined as its Trainer does.

LibMTL 1.1.5 needs adaptations. It imports ``torchvision.models.utils``, which is gone (see ``missing``). Its Trainer is
tied to CUDA, so that the joined model is called here as the Trainer calls it. Its gradient methods read gradients that
``zero_grad`` of today's torch leaves at None, so that the zeroing keeps them, and flatten gradients without copying, so
that network and images lie channels first, for its equal weights as well. Its CAGrad is written for three heads and
cannot run with six.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.missing import stand_in
from benchmarks.peers.multi_head import EQUAL, Problem, autocast, fresh_network, optimiser_of
from benchmarks.setting import params
from distillery.networks.multihead import MultiHead

METHODS: dict[str, tuple[str, dict[str, object]]] = {
    EQUAL: ("EW", {}),
    "UW": ("UW", {}),
    "PCGrad": ("PCGrad", {}),
    "MGDA": ("MGDA", {"mgda_gn": "none"}),
    "IMTL": ("IMTL", {}),
}


def steps(problem: Problem) -> dict[str, Callable[[], None]]:
    """A function for each method."""
    stand_in("torchvision.models.utils")
    return {name: _step(problem, weighting, arguments) for name, (weighting, arguments) in METHODS.items()}


def _step(problem: Problem, weighting: str, arguments: dict[str, object]) -> Callable[[], None]:
    model = _joined(weighting)
    optimiser = optimiser_of(model)
    images = problem.images.contiguous()

    # As Trainer's loop does it, losses written one by one into a tensor included.
    def act() -> None:
        with autocast():
            logits = model(images)
        losses = torch.zeros(len(logits))
        for number, loss in enumerate(problem.losses(logits)):
            losses[number] = loss
        optimiser.zero_grad()
        model.backward(losses, **arguments)
        optimiser.step()

    return act


def _joined(weighting: str) -> Any:
    import LibMTL.weighting
    from LibMTL.architecture import HPS

    class Joined(HPS, getattr(LibMTL.weighting, weighting)):
        def zero_grad_share_params(self) -> None:
            self.encoder.zero_grad(set_to_none=False)

    network = fresh_network(channels_last=False)
    model = Joined(list(params().distilled), lambda: Encoder(network), network.heads, False, False, torch.device("cpu"))
    model.init_param()
    return model.train()


class Encoder(nn.Module):
    """The shared part of our network: images [batch, 3, height, width] to features [batch, features]."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: MultiHead) -> None:
        super().__init__()
        self.backbone, self.dropout = network.backbone, network.dropout
        self.register_buffer("mean", network.mean)
        self.register_buffer("std", network.std)

    def forward(self, images: Tensor) -> Tensor:
        return self.dropout(self.backbone((images - self.mean) / self.std))
