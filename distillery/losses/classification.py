"""Cross-entropy against a distribution over the classes."""

import torch.nn.functional as F
from torch import Tensor


def soft_cross_entropy(logits: Tensor, labels: Tensor, *, smoothing: float) -> Tensor:
    """``-sum_c y_c log p_c`` per image, with ``y <- (1 - s) y + s / C`` (Szegedy et al., CVPR 2016, section 7).

    With a teacher's probabilities as labels this is distillation at temperature 1 (Xie et al. 2020).

    Args:
        logits: float [batch, classes].
        labels: float [batch, classes], rows sum to 1.
        smoothing: s.

    Returns:
        float [batch].
    """
    smooth = labels * (1 - smoothing) + smoothing / labels.shape[1]
    return -(smooth * F.log_softmax(logits, dim=1)).sum(dim=1)
