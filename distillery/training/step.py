"""One step of the optimisation: no value leaves the device, so that nothing in it waits for a GPU."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from distillery.heads import Heads
from distillery.images.cells import Cells
from distillery.losses import head_loss
from distillery.networks.multihead import Forward
from distillery.training.settings import Settings


def train_step(
    forward: Forward,
    parameters: Sequence[nn.Parameter],
    optimiser: torch.optim.Optimizer,
    heads: Heads,
    images: Tensor,
    cells: Cells,
    settings: Settings,
) -> dict[str, Tensor]:
    """Update the parameters by one batch, float [batch, 3, height, width]; returns each head's loss, on the device.

    ``L = sum_h w_h L_h`` with ``L_h`` the masked mean over the head's labelled cells (METHODS, 2MD). With
    ``accumulate`` k the batch passes through the network in k parts, for a k-th of the memory; each cell weighs what it
    would in one pass, since every part divides by the cells of the whole batch. Only batch normalisation sees a part.
    """
    totals = {name: cells.weights[name].sum().clamp(min=1.0) for name in heads}
    sums = {name: torch.zeros((), device=images.device) for name in heads}
    optimiser.zero_grad(set_to_none=True)
    for part in torch.arange(len(images)).tensor_split(settings.accumulate):
        rows = slice(int(part[0]), int(part[-1]) + 1)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.bf16):
            logits = forward(images[rows])
        losses = {
            name: head_loss(
                head,
                logits[name],
                cells.labels[name][rows],
                cells.weights[name][rows],
                smoothing=settings.smoothing,
                total=totals[name],
            )
            for name, head in heads.items()
        }
        torch.stack([head.weight * losses[name] for name, head in heads.items()]).sum().backward()
        for name, loss in losses.items():
            sums[name] += loss.detach()
    nn.utils.clip_grad_norm_(parameters, settings.clip, foreach=True)
    optimiser.step()
    return sums
