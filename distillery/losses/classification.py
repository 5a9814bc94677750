"""Cross-entropy against a distribution over the classes, or against classes that an image is not of."""

import torch
import torch.nn.functional as F
from torch import Tensor

SURE = -1e-6  # the largest log-probability of which that of all others is taken


def soft_cross_entropy(logits: Tensor, labels: Tensor, *, smoothing: float) -> Tensor:
    """``-sum_c y_c log p_c`` per image, with ``y <- (1 - s) y + s / C`` (Szegedy et al., CVPR 2016, section 7).

    With a teacher's probabilities as labels this is distillation at temperature 1 (Xie et al. 2020). A row of negative
    labels g has ``-(sum_c g_c log(1 - p_c)) / sum_c g_c`` instead (UPS, Rizve et al., ICLR 2021, equation 4).

    Args:
        logits: float [batch, classes].
        labels: float [batch, classes], rows sum to 1; or -1 for each class that the image is not of, and else 0.
        smoothing: s.

    Returns:
        float [batch].
    """
    chances = F.log_softmax(logits, dim=1)
    smooth = labels * (1 - smoothing) + smoothing / labels.shape[1]
    unlike = labels.clamp(max=0)
    others = torch.log(-torch.expm1(chances.clamp(max=SURE)))
    negative = (unlike * others).sum(dim=1) / -unlike.sum(dim=1).clamp(max=-1)
    return torch.where(unlike.any(dim=1), negative, -(smooth * chances).sum(dim=1))
