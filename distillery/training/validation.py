"""The validation split after an epoch: loss and one plain score per head, with the averaged weights."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from distillery.heads import Identification, LearntHeads
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.losses import head_loss
from distillery.networks.multihead import MultiHead, decode_logits
from distillery.quality import quality
from distillery.training.examples import Examples

BATCH = 256
MOST = 4096  # images that are compared with one another


@torch.no_grad()
def validate(
    network: MultiHead,
    weights: Mapping[str, Tensor],
    heads: LearntHeads,
    store: ImageStore,
    examples: Examples,
    *,
    bf16: bool,
    device: torch.device,
    between: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """``val_loss/<head>`` and ``val_score/<head>``: accuracy of decisions, or mean absolute error of numbers.

    Of an identification the score is the share of images whose most similar one is of the same person, the loss the
    share of the others: none of these people is among those who are learnt.

    ``between`` is called after every batch.
    """
    network.eval()
    zero = torch.zeros((), dtype=torch.float64, device=device)
    sums = {f"{what}/{name}": zero.clone() for name in heads for what in ("val_loss", "val_score")}
    counts = {name: zero.clone() for name in heads}
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in heads}
    for start in range(0, len(examples.positions), BATCH):
        rows = torch.arange(start, min(start + BATCH, len(examples.positions)))
        images = to_float(store.gather(examples.positions[rows.numpy()]).to(device))
        cells = examples.cells.rows(rows).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = functional_call(network, dict(weights), images)
        for name, head in heads.items():
            labels, present = cells.labels[name], cells.weights[name]
            if isinstance(head, Identification):
                seen[name].append((logits[name][present > 0], labels[present > 0, 0]))
                continue
            loss = head_loss(head, logits[name], labels, present, smoothing=0.0)
            sums[f"val_loss/{name}"] += loss * present.sum()
            values, _ = decode_logits(head, logits[name])
            sums[f"val_score/{name}"] += (quality(head, values, labels) * present).sum()
            counts[name] += present.sum()
        between()
    for name, parts in seen.items():
        if parts:
            right = _nearest_is_same(*(torch.cat(part)[:MOST] for part in zip(*parts, strict=True)))
            counts[name] += len(right)
            sums[f"val_score/{name}"] += right.sum()
            sums[f"val_loss/{name}"] += (~right).sum()
    # Not a number where nothing is labelled: a 0 would look perfect.
    return {key: float(value) / (float(counts[key.split("/", 1)[1]]) or math.nan) for key, value in sums.items()}


def _nearest_is_same(embeddings: Tensor, people: Tensor) -> Tensor:
    """Bool [images] from float [images, dimensions] and the person's number [images]."""
    directions = functional.normalize(embeddings, dim=1)
    similarity = (directions @ directions.T).fill_diagonal_(-torch.inf)
    return people[similarity.argmax(dim=1)] == people if len(people) else torch.zeros(0, dtype=torch.bool)
