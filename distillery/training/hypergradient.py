"""A learning rate that tunes itself while training: our reconstruction of 2MD's fourth claim."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

BETA = 0.2  # how far one step may move the rate, as a share of it
DRIFT = 0.25  # how much the rate grows where the cosine is nothing, in the same units
MEMORY = 0.9  # of the cosine's mean square
LONGEST = 0.01  # that a step may be, as a share of the length that the parameters began with
LOWEST, HIGHEST = 1e-7, 10.0
TINY = 1e-30


class Hypergradient:
    """``lr <- lr (1 + beta (c_t + drift))``: the rate grows while the last step still points downhill.

    ``c_t = cos(g_t, u_{t-1})`` with ``u`` what the last step took off the parameters and ``g`` the gradient now,
    divided by the root of its running mean square and held within -1 and 1: among millions of parameters and noisy
    batches the cosine itself is so small that it moves nothing. A noisy step is undone in part by the next even where
    the rate is best, so that without the drift the rate only ever falls (short-horizon bias, Wu et al., ICLR 2018).
    No step may be longer than a share of the length that the parameters began with, or a rate that starts far too high
    would wreck the network before it is tuned.

    Source: METHODS, 2MD: hypergradient descent in its multiplicative form (Baydin et al., ICLR 2018, equation 8). 2MD
    does not publish its own rule: this is our reconstruction.

    Attributes:
        rate: a scalar on the parameters' device; nothing waits for it on a GPU.
        square: the running mean square of the cosine, a scalar; 0 before the first step.
        length: of the parameters when it began, a scalar.
        former: the parameters before the last step.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], rate: float) -> None:
        device = parameters[0].device
        self.square = torch.zeros((), dtype=torch.float64, device=device)
        self.former = [parameter.detach().clone() for parameter in parameters]
        self.length = _norm(self.former).double()
        # Of a length that is known before it is taken: Adam moves each parameter by the rate at most, at first.
        longest = LONGEST * self.length / sum(parameter.numel() for parameter in parameters) ** 0.5
        self.rate = longest.clamp(max=rate)
        self._parameters = parameters

    @torch.no_grad()
    def adapt(self) -> None:
        """Move the rate, with the gradients of this step made and before it is taken."""
        moved = [pair for pair in zip(self._parameters, self.former, strict=True) if pair[0].grad is not None]
        gradients = [now.grad for now, _ in moved if now.grad is not None]
        descent = torch._foreach_sub([before for _, before in moved], [now for now, _ in moved])
        step = _norm(descent)
        product = torch.stack([(g * u).sum() for g, u in zip(gradients, descent, strict=True)]).sum()
        cosine = (product / (_norm(gradients) * step + TINY)).double()
        former = torch.where(self.square > 0, self.square, cosine.square())
        self.square.copy_(MEMORY * former + (1 - MEMORY) * cosine.square())
        usual = self.square.sqrt() + TINY
        longest = self.rate * LONGEST * self.length / (step + TINY)
        self.rate.mul_(1 + BETA * ((cosine / usual).clamp(-1, 1) + DRIFT)).clamp_(LOWEST, HIGHEST)
        self.rate.copy_(torch.minimum(self.rate, longest))
        torch._foreach_copy_(self.former, list(self._parameters))

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds; the tensors themselves."""
        numbered = {str(place): value for place, value in enumerate(self.former)}
        return {"rate": self.rate, "square": self.square, "length": self.length, **numbered}


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    return nn.utils.get_total_norm(tensors, foreach=True)
