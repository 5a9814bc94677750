"""A learning rate that tunes itself while training: our reconstruction of 2MD's fourth claim."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

BETA = 0.1  # how far one step may move the rate, as a share of it
LOWEST, HIGHEST = 1e-7, 10.0
TINY = 1e-30


class Hypergradient:
    """``lr <- lr (1 + beta cos(g_t, u_{t-1}))``: the rate grows while the last step still points downhill.

    Source: METHODS, 2MD: hypergradient descent in its multiplicative form (Baydin et al., ICLR 2018, equation 8), made
    scale-free by the cosine. 2MD does not publish its own rule: this is our reconstruction. ``u`` is what the last step
    took off the parameters, ``g`` the gradient now; the factor of a step is within ``1 - beta`` and ``1 + beta``.

    Attributes:
        rate: a scalar on the parameters' device; nothing waits for it on a GPU.
        former: the parameters before the last step.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], rate: float) -> None:
        self.rate = torch.tensor(rate, dtype=torch.float64, device=parameters[0].device)
        self.former = [parameter.detach().clone() for parameter in parameters]
        self._parameters = parameters

    @torch.no_grad()
    def adapt(self) -> None:
        """Move the rate, with the gradients of this step made and before it is taken."""
        taken = [pair for pair in zip(self._parameters, self.former, strict=True) if pair[0].grad is not None]
        gradients = [now.grad for now, _ in taken if now.grad is not None]
        descent = torch._foreach_sub([before for _, before in taken], [now for now, _ in taken])
        sizes = nn.utils.get_total_norm(gradients, foreach=True) * nn.utils.get_total_norm(descent, foreach=True)
        product = torch.stack([(g * u).sum() for g, u in zip(gradients, descent, strict=True)]).sum()
        self.rate.mul_(1 + BETA * product / (sizes + TINY)).clamp_(LOWEST, HIGHEST)
        torch._foreach_copy_(self.former, list(self._parameters))

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds; the tensors themselves."""
        return {"rate": self.rate, **{str(place): value for place, value in enumerate(self.former)}}
