"""A scale and a shift for each class (vector scaling: Guo et al., ICML 2017, section 4.2)."""

import numpy as np
import torch

from distillery.labelling.calibration.labelled import Calibrate, Labelled
from distillery.labelling.chances import log_chances

RIDGE = 1e-3  # towards scale 1 and shift 0: labels that a head gets all right have no best scale
STEPS = 200


def vector(labelled: Labelled) -> Calibrate:
    """``softmax(w log p + b)`` within each group, w and b of the least negative log-likelihood; L-BFGS, in float64."""
    logits = torch.from_numpy(log_chances(labelled.found))
    truth, present = torch.from_numpy(labelled.truth), torch.from_numpy(labelled.present)
    scale = torch.ones(logits.shape[1:], dtype=torch.float64, requires_grad=True)
    shift = torch.zeros(logits.shape[1:], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale, shift], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        chances = (scale * logits + shift).log_softmax(dim=2)
        likelihood = chances.gather(2, truth[..., None])[..., 0][present].mean()
        found = RIDGE * ((scale - 1).square().sum() + shift.square().sum()) - likelihood
        found.backward()
        return found

    optimiser.step(loss)
    best = scale.detach(), shift.detach()
    return lambda found: (
        (best[0] * torch.from_numpy(log_chances(found.astype(np.float64))) + best[1])
        .softmax(dim=2)
        .numpy()
        .astype(np.float32)
    )
