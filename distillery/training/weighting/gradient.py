"""Gradient-based aggregation by the library torchjd: one gradient of the shared layers out of one for each head."""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from distillery.errors import DistilleryError
from distillery.heads import LearntHeads
from distillery.methods import Aggregation
from distillery.training.weighting.weighting import Weighting

CONFLICT = 0.5  # CAGrad's c: how far from the mean gradient it may go (Liu et al., NeurIPS 2021, section 5)


class Gradient(Weighting):
    """A gradient for each head, which an aggregator makes one of: UPGrad (Quinton, Rey 2024, arXiv 2406.16232), PCGrad
    (Yu et al., NeurIPS 2020), MGDA (Sener, Koltun, NeurIPS 2018), CAGrad (Liu et al., NeurIPS 2021), Nash-MTL (Navon et
    al., ICML 2022).

    Each head's own layer follows its own loss. The gradient of couplings is added to the aggregate. Waits for a GPU in
    every step; takes a backward pass for each head.

    Raises:
        DistilleryError: torchjd, or what the aggregator solves its problem with, is not installed.
    """

    def __init__(self, heads: LearntHeads, *, shared: Sequence[nn.Parameter], aggregation: Aggregation) -> None:
        super().__init__(heads)
        self._shared = shared
        self._aggregation = aggregation
        _aggregator(aggregation, len(heads))

    def backward(self, losses: Tensor, present: Tensor, features: Tensor, coupling: Tensor) -> Tensor:
        if coupling.requires_grad:
            coupling.backward(retain_graph=True)
        there = present.nonzero().flatten().tolist()
        weights = torch.zeros_like(self.units)
        if len(there) > 1:
            weights[there] = self._aggregate([losses[place] for place in there], features)
        elif there:
            weights[there] = 1.0
            losses[there[0]].backward()
        return weights

    def _aggregate(self, losses: list[Tensor], features: Tensor) -> Tensor:
        """Gradients of both kinds of layers from the losses of the heads that are there; returns their weights."""
        from torchjd.autojac import jac_to_grad, mtl_backward

        # One head after another: all at once needs vmap, which batch normalisation and compiled networks do not have.
        # Retained, since the losses are entries of one tensor.
        mtl_backward(losses, features=features, parallel_chunk_size=1, retain_graph=True)
        shared = [parameter for parameter in self._shared if getattr(parameter, "jac", None) is not None]
        aggregator = _aggregator(self._aggregation, len(losses))
        if hasattr(aggregator, "reset"):
            aggregator.reset()  # Nash-MTL starts from its last answer, which a resumed run would not have
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You are solving a parameterized problem that is not DPP", UserWarning)
            weights = jac_to_grad(shared, aggregator)
        for parameter in shared:
            _lay_out_gradient(parameter)
        return weights


def _lay_out_gradient(parameter: Tensor) -> None:
    """The fused optimiser walks memory: a gradient has to lie there as its parameter does (channels last)."""
    if parameter.grad is not None and parameter.grad.stride() != parameter.stride():
        parameter.grad = torch.empty_like(parameter).copy_(parameter.grad)


@cache
def _aggregator(aggregation: Aggregation, count: int) -> Any:
    try:
        from torchjd import aggregation as ways

        match aggregation:
            case "upgrad":
                return ways.UPGrad()
            case "pcgrad":
                return ways.PCGrad()
            case "mgda":
                return ways.MGDA()
            case "cagrad":
                return ways.CAGrad(c=CONFLICT)
            case "nash_mtl":
                return ways.NashMTL(n_tasks=count)
    except ImportError as error:
        raise DistilleryError(
            f"weighting: {aggregation} needs a package that is not installed ({error}); "
            "install it with: pip install 'distillery[gradient]'"
        ) from error
