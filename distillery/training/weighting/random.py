"""Random weights, anew in every step: the baseline that a learnt weighting has to beat."""

import torch
from torch import Tensor

from distillery.training.weighting.unit import softmax_of_present
from distillery.training.weighting.weighting import Weighting


class Random(Weighting):
    """Softmax of a standard normal draw over the heads that are there (RLW: Lin et al., TMLR 2022, section 3.1).

    Ours differs: times their number, so that the weights average 1 as equal ones do, and absent heads are left out.
    Drawn from torch's own generator, which a checkpoint holds.
    """

    _drawn: Tensor | None = None  # in this step: the parts of a batch weigh alike

    def weigh(self, present: Tensor, features: Tensor) -> Tensor:
        if self._drawn is None:
            self._drawn = torch.randn(len(self.units)).to(self.units.device)
        return softmax_of_present(self._drawn, present) * present.sum()

    def finish(self, losses: Tensor, present: Tensor) -> None:
        self._drawn = None
