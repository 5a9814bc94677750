"""The batch and the losses that every multi-head step of a comparison shares."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.setting import cells, demo_bf16, network, params, store
from distillery.images.cells import Cells
from distillery.images.transforms import to_float
from distillery.losses import head_loss
from distillery.networks.multihead import MultiHead
from distillery.training.optimisation import make_optimiser

EQUAL = "equal weights"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Images float [batch, 3, height, width] and the cells of every head of params.yaml."""

    images: Tensor
    cells: Cells

    def features(self, made: MultiHead) -> Tensor:
        """What all heads share, [batch, features]: the network up to its heads, under autocast where that is on."""
        return made.dropout(made.backbone((self.images - made.mean) / made.std))

    def losses(self, logits: dict[str, Tensor]) -> list[Tensor]:
        """The heads' losses, a scalar each, in the order of params.yaml."""
        smoothing = params().teacher.smoothing
        return [
            head_loss(
                head, logits[name].float(), self.cells.labels[name], self.cells.weights[name], smoothing=smoothing
            )
            for name, head in params().distilled.items()
        ]


def make_problem() -> Problem:
    """One batch of the teacher's size."""
    batch = params().teacher.batch
    return Problem(images=to_float(store(params().images.size).gather(np.arange(batch))), cells=cells(batch))


def autocast() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=demo_bf16())


def optimiser_of(made: nn.Module) -> torch.optim.Optimizer:
    """Ours, on every side."""
    section = params().teacher
    return make_optimiser(
        "adamw", list(made.parameters()), learning_rate=section.learning_rate, weight_decay=section.weight_decay
    )


def fresh_network(*, channels_last: bool = True) -> MultiHead:
    """Our compact network with every head, training."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return network().to(memory_format=layout).train()
