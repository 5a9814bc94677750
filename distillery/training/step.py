"""One step of the optimisation: no value leaves the device, so that nothing in it waits for a GPU."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from distillery.heads import Classification, Identification, LearntHead, Regression
from distillery.images.cells import Cells
from distillery.losses import cell_losses, head_loss
from distillery.training.coupling import coupling_losses
from distillery.training.pseudo_cells import at_temperature, counted, drop_largest
from distillery.training.run import Run
from distillery.training.settings import Settings


def train_step(run: Run, images: Tensor, cells: Cells, settings: Settings) -> dict[str, Tensor]:
    """Update the parameters by one batch, float [batch, 3, height, width]; returns its record, on the device.

    ``L = sum_h w_h L_h + sum_c w_c L_c`` with ``L_h`` the masked mean over the head's labelled cells (METHODS, 2MD),
    its weight from the run's weighting, and ``L_c`` the couplings; ``pseudo_cells`` says what pseudo-labels count
    for. With ``accumulate`` k the batch passes through the network in k parts, for a k-th of the memory; each cell
    weighs what it would in one pass, since every part divides by the cells of the whole batch. Only batch
    normalisation, and weights that are made of the features, see a part.

    Returns:
        ``train_loss/<head>``, ``weight/<head>`` and ``coupling/<coupling>``, scalars.
    """
    totals = torch.stack([_counted(name, head, cells, settings) for name, head in run.heads.items()])
    coupled = [coupling.counted(cells).sum() for coupling in run.couplings]
    present, parts = totals > 0, settings.accumulate
    losses, weights = torch.zeros_like(totals), torch.zeros_like(totals)
    ties = [torch.zeros((), device=images.device) for _ in run.couplings]
    run.optimiser.zero_grad(set_to_none=True)
    for places in torch.arange(len(images)).tensor_split(parts):
        rows = slice(int(places[0]), int(places[-1]) + 1)
        part = cells.rows(rows)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.bf16):
            features, logits = run.forward(images[rows])
        found = _head_losses(run, logits, part, totals.clamp(min=1), settings)
        tied = coupling_losses(run.couplings, logits, part, coupled)
        scaled = [each.weight * loss for each, loss in zip(run.couplings, tied, strict=True)]
        total = torch.stack(scaled).sum() if scaled else found.new_zeros(())
        weights += run.weighting.backward(found / run.weighting.units, present, features, total) / parts
        losses += found.detach()
        for sum_, loss in zip(ties, tied, strict=True):
            sum_ += loss.detach()
    for identities in run.identities.values():
        identities.finish()
    run.weighting.finish(losses / run.weighting.units, present)
    _clip(run.parameters, settings.clip)
    run.update()
    return run.record(losses, weights, ties)


def _counted(name: str, head: LearntHead, cells: Cells, settings: Settings) -> Tensor:
    """A concordance is of all its images together: none of them comes on top."""
    together = isinstance(head, Regression) and head.loss == "ccc"
    share = "shrinking" if together else settings.pseudo.labelled_share
    return counted(cells.weights[name], cells.pseudo.get(name), share)


def _head_losses(run: Run, logits: dict[str, Tensor], cells: Cells, totals: Tensor, settings: Settings) -> Tensor:
    """Float [heads]."""
    found, smoothing, how = [], settings.smoothing, settings.pseudo
    for (name, head), total in zip(run.heads.items(), totals.unbind(), strict=True):
        said, labels, weights, pseudo = logits[name], cells.labels[name], cells.weights[name], cells.pseudo.get(name)
        if isinstance(head, Identification):
            found.append(run.identities[name](said, labels, weights, total))
            continue
        if pseudo is not None and how.temperature != 1:
            # Negative labels have no temperature.
            hot = pseudo & ~(labels < 0).any(dim=1) if isinstance(head, Classification) else pseudo
            said, weights = at_temperature(head, said, weights, hot, how.temperature)
        if pseudo is not None and how.drop:
            losses = cell_losses(head, said.detach(), labels, smoothing=smoothing)
            weights = drop_largest(losses, weights, pseudo, how.drop)
        found.append(head_loss(head, said, labels, weights, smoothing=smoothing, total=total))
    return torch.stack(found)


def _clip(parameters: Sequence[nn.Parameter], limit: float) -> None:
    """Scale the gradient down to a norm of ``limit`` (Pascanu et al., ICML 2013)."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = nn.utils.get_total_norm(gradients, foreach=True)
    # On a CPU the norm is known here, and a pass over all gradients to multiply them by 1 is saved.
    if norm.is_cuda or not norm <= limit:
        nn.utils.clip_grads_with_norm_(parameters, limit, norm, foreach=True)
