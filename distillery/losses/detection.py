"""Binary cross-entropy of each element."""

import torch.nn.functional as F
from torch import Tensor


def binary_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """``-[y log p + (1 - y) log(1 - p)]`` per element (FBN, METHODS): float [batch, elements]."""
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
