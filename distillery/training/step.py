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
    _clip(parameters, settings.clip)
    optimiser.step()
    return sums


def _clip(parameters: Sequence[nn.Parameter], limit: float) -> None:
    """Scale the gradient down to a norm of ``limit`` (Pascanu et al., ICML 2013)."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = nn.utils.get_total_norm(gradients, foreach=True)
    # On a CPU the norm is known here, and a pass over all gradients to multiply them by 1 is saved.
    if norm.is_cuda or not norm <= limit:
        nn.utils.clip_grads_with_norm_(parameters, limit, norm, foreach=True)
