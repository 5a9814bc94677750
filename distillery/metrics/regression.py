"""Mean absolute error and concordance correlation of numbers."""

import torch
from torch import Tensor
from torchmetrics.functional.regression import concordance_corrcoef


def score_numbers(values: Tensor, labels: Tensor, outputs: tuple[str, ...]) -> dict[str, float]:
    """Metrics over images, float [images, outputs] against the same; by output too where there are several.

    ``ccc = 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2)`` (Lin 1989; METHODS, FBN).
    """
    error = (values - labels).abs().mean(dim=0)
    # Double precision: the variances of nearly constant numbers cancel in single.
    ccc = torch.stack([concordance_corrcoef(values[:, i].double(), labels[:, i].double()) for i in range(len(outputs))])
    found = {"mae": float(error.mean()), "ccc": float(ccc.mean())}
    if len(outputs) > 1:
        found |= {f"mae_{name}": float(error[index]) for index, name in enumerate(outputs)}
        found |= {f"ccc_{name}": float(ccc[index]) for index, name in enumerate(outputs)}
    return found
