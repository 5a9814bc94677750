"""Whether confidence means what it says."""

import torch
from torch import Tensor


def reliability(probabilities: Tensor, labels: Tensor, bins: int = 10) -> list[dict[str, float]]:
    """Mean confidence, accuracy and count of each occupied bin of confidence (Guo et al., ICML 2017, figure 1).

    Args:
        probabilities: float [images, classes].
        labels: int64 [images].
        bins: of equal width over 0..1.
    """
    confidence, decided = probabilities.max(dim=1)
    right = (decided == labels).float()
    index = (confidence * bins).long().clamp(max=bins - 1)
    found = []
    for number in range(bins):
        inside = index == number
        if inside.any():
            mean, accuracy = float(confidence[inside].mean()), float(right[inside].mean())
            found.append({"confidence": mean, "accuracy": accuracy, "images": float(torch.count_nonzero(inside))})
    return found
