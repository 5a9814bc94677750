"""A training step of our network by each of torchjd's methods, written as in torchjd's documentation.

``autojac.mtl_backward`` makes the Jacobian of the losses from the shared features, a loss at a time, and
``jac_to_grad`` combines its rows. All losses at once (by vmap) cannot run here, nor can torchjd's other engine,
``autogram``: with this network under bf16 autocast their backward pass stops at "expected scalar type BFloat16 but
found Float".
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchjd.aggregation import MGDA, Aggregator, CAGrad, PCGrad, UPGrad
from torchjd.autojac import jac_to_grad, mtl_backward
from torchjd.scalarization import UW, Sum

from benchmarks.peers.multi_head import EQUAL, Problem, autocast, fresh_network, optimiser_of
from benchmarks.setting import params
from distillery.networks.multihead import MultiHead

RADIUS = 0.5  # of CAGrad, as in its paper
METHODS: dict[str, Callable[[], Aggregator]] = {
    "UPGrad": UPGrad,
    "MGDA": MGDA,
    "PCGrad": PCGrad,
    "CAGrad": lambda: CAGrad(RADIUS),
}
Backward = Callable[[list[Tensor], Tensor], None]  # fills the gradients, of the losses and the features


def steps(problem: Problem) -> dict[str, Callable[[], None]]:
    """A function for each method."""
    uncertainty = UW(len(params().distilled))
    found = {
        EQUAL: _step(problem, lambda _: _of_sum(Sum())),
        "UW": _step(problem, lambda _: _of_sum(uncertainty), besides=list(uncertainty.parameters())),
    }
    return found | {name: _step(problem, _of_jacobian(aggregator())) for name, aggregator in METHODS.items()}


def _step(
    problem: Problem, method: Callable[[MultiHead], Backward], *, besides: Sequence[Tensor] = ()
) -> Callable[[], None]:
    network = fresh_network()
    optimiser = optimiser_of(network)
    if besides:
        optimiser.add_param_group({"params": besides, "weight_decay": 0.0})
    backward = method(network)

    def act() -> None:
        with autocast():
            features = problem.features(network)
            logits = {name: head(features) for name, head in network.heads.items()}
        backward(problem.losses(logits), features)
        optimiser.step()
        optimiser.zero_grad()

    return act


def _of_sum(scalarizer: Callable[[Tensor], Tensor]) -> Backward:
    return lambda losses, _: scalarizer(torch.stack(losses)).backward()


def _of_jacobian(aggregator: Aggregator) -> Callable[[MultiHead], Backward]:
    def method(network: MultiHead) -> Backward:
        def backward(losses: list[Tensor], features: Tensor) -> None:
            mtl_backward(losses, features=features, parallel_chunk_size=1)
            jac_to_grad(network.backbone.parameters(), aggregator)

        return backward

    return method
