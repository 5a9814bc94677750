"""The batch and the losses that every multi-head step of a comparison shares."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.peers.setting import make_cells, make_network, make_pixels
from distillery.images.cells import Cells
from distillery.images.transforms import to_float
from distillery.losses import head_loss
from distillery.networks.multihead import MultiHead
from distillery.params import Params
from distillery.training.optimisation import make_optimiser

EQUAL = "equal weights"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Images float [batch, 3, height, width], their cells, and the parameters that say the rest."""

    params: Params
    images: Tensor
    cells: Cells

    def features(self, network: MultiHead) -> Tensor:
        """What all heads share, [batch, features]: the network up to its heads, under autocast where that is on."""
        return network.dropout(network.backbone((self.images - network.mean) / network.std))

    def losses(self, logits: dict[str, Tensor]) -> list[Tensor]:
        """The heads' losses, a scalar each, in the order of params.yaml."""
        cells, smoothing = self.cells, self.params.teacher.smoothing
        return [
            head_loss(head, logits[name].float(), cells.labels[name], cells.weights[name], smoothing=smoothing)
            for name, head in self.params.heads.items()
        ]

    def autocast(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.params.teacher.bf16)

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """Ours, on every side."""
        section = self.params.teacher
        return make_optimiser(network, learning_rate=section.learning_rate, weight_decay=section.weight_decay)


def make_problem(params: Params) -> Problem:
    """One batch of the teacher's size."""
    batch = params.teacher.batch
    images = to_float(torch.from_numpy(make_pixels(batch, params.images.size)))
    return Problem(params=params, images=images, cells=make_cells(params.heads, batch))


def fresh_network(problem: Problem, *, channels_last: bool = True) -> MultiHead:
    """Our compact network with every head, training."""
    return make_network(problem.params, problem.params.heads, channels_last=channels_last).train()
