"""Each domain seen with batch statistics of its own (AdaBN, Li et al., arXiv 1603.04779)."""

import copy
from collections.abc import Callable

import numpy as np
import polars as pl
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from distillery.errors import DistilleryError
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.labelling.found import Ensemble, Found, stack
from distillery.labelling.predictor import Inference
from distillery.networks.multihead import MultiHead
from distillery.tables import even_steps

IMAGES, BATCH = 2048, 128  # that statistics are made of, and at a time
PRIOR = 64  # images that the training's statistics count for (Schneider et al., NeurIPS 2020, equation 2)


class ByDomain:
    """Predicts each row by the ensemble of its domain.

    Args:
        make: a domain's ensemble, from all of its rows.
        wanted: all rows.
    """

    def __init__(self, make: Callable[[pl.DataFrame], Ensemble], wanted: pl.DataFrame) -> None:
        self._make, self._wanted = make, wanted
        self._made: dict[str, Ensemble] = {}

    def predict(self, rows: pl.DataFrame) -> Found:
        """Rows with ``image``, ``domain`` and, by head, whether its cell is empty."""
        domains = rows["domain"].to_numpy()
        places = {domain: np.flatnonzero(domains == domain) for domain in dict.fromkeys(domains.tolist())}
        found = {domain: self._of(domain).predict(rows[where]) for domain, where in places.items()}
        order = np.argsort(np.concatenate(list(places.values())))
        views = np.concatenate([each.views for each in found.values()])[order]
        notes = [f"{domain}: {each.note}" for domain, each in found.items() if each.note]
        return Found(stack([each.columns for each in found.values()], order), views, "; ".join(notes))

    def _of(self, domain: str) -> Ensemble:
        if domain not in self._made:
            self._made[domain] = self._make(self._wanted.filter(pl.col("domain") == domain))
        return self._made[domain]


@torch.inference_mode()
def with_statistics_of(images: pl.Series, network: MultiHead, store: ImageStore, how: Inference) -> MultiHead:
    """A copy whose batch normalisation goes by some images, at most ``IMAGES`` of them at even steps.

    One image has no variance: its copy keeps the training's.

    Raises:
        DistilleryError: the network has no batch normalisation.
    """
    found = copy.deepcopy(network).eval().to(how.device)
    layers = [layer for layer in found.modules() if isinstance(layer, _BatchNorm)]
    if not layers:
        raise DistilleryError("predictions.statistics: this backbone has no batch normalisation; allowed: training")
    if len(images) == 1:
        return found
    before = [(layer.running_mean.clone(), layer.running_var.clone()) for layer in layers]  # type: ignore[union-attr]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over batches
        layer.train()
    chosen = images[even_steps(len(images), IMAGES)]
    for places in np.array_split(store.positions(chosen), -(-len(chosen) // BATCH)):
        pixels = to_float(store.gather(places).to(how.device))
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=how.bf16):
            found(pixels.contiguous(memory_format=torch.channels_last))
    for layer, (mean, variance) in zip(layers, before, strict=True):
        layer.eval()
        layer.running_mean.lerp_(mean, PRIOR / (PRIOR + len(chosen)))  # type: ignore[union-attr]
        layer.running_var.lerp_(variance, PRIOR / (PRIOR + len(chosen)))  # type: ignore[union-attr]
    return found
