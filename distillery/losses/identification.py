"""Losses of who it is: identity cross-entropy, with or without an angular margin, and the centre loss."""

import torch
import torch.nn.functional as F
from torch import Tensor


def identity_cross_entropy(
    embeddings: Tensor, people: Tensor, templates: Tensor, *, margin: float, scale: float
) -> Tensor:
    """Cross-entropy over the people of the training set: float [images].

    Without a margin the plain softmax of ``x . w`` (DYN, METHODS). With one ArcFace (Deng et al., CVPR 2019, equation
    3): ``scale * cos(theta + margin)`` for one's own template, ``scale * cos(theta)`` for the others'. Where theta +
    margin is beyond pi the cosine would rise again: there ``cos(theta) - margin sin(margin)``, as its authors' code
    has it.

    Args:
        embeddings: float [images, dimensions].
        people: int64 [images].
        templates: float [people, dimensions].
    """
    if not margin:
        return F.cross_entropy(embeddings @ templates.T, people, reduction="none")
    cosines = F.normalize(embeddings, dim=1) @ F.normalize(templates, dim=1).T
    own = cosines.gather(1, people[:, None])
    limit = torch.tensor(margin)
    # Away from the ends, where the slope of the arc cosine has no bound.
    angle = own.clamp(-1 + 1e-6, 1 - 1e-6).acos()
    moved = torch.where(angle + margin < torch.pi, (angle + margin).cos(), own - margin * float(limit.sin()))
    return F.cross_entropy(scale * cosines.scatter(1, people[:, None], moved), people, reduction="none")


def centre_loss(embeddings: Tensor, people: Tensor, centres: Tensor) -> Tensor:
    """``|x - c_y|^2 / 2``: float [images] (Wen et al., ECCV 2016, equation 2)."""
    return (embeddings - centres[people]).square().sum(dim=1) / 2


@torch.no_grad()
def move_centres(centres: Tensor, embeddings: Tensor, people: Tensor, weights: Tensor, *, rate: float) -> None:
    """``c_j <- c_j - rate * sum_i [y_i = j] (c_j - x_i) / (1 + sum_i [y_i = j])`` in place (Wen et al., equation 4).

    Args:
        weights: float [images]; an image of weight 0 does not count.
    """
    counted = (weights > 0).to(centres.dtype)
    apart = (centres[people] - embeddings) * counted[:, None]
    total = torch.zeros_like(centres).index_add_(0, people, apart)
    count = torch.zeros(len(centres), dtype=centres.dtype, device=centres.device).index_add_(0, people, counted)
    centres.sub_(rate * total / (1 + count)[:, None])
