"""What learning people needs beside the network: their templates and centres, which no model keeps."""

import math

import torch
from torch import Tensor, nn

from distillery.heads import Identification
from distillery.losses.identification import centre_loss, identity_cross_entropy, move_centres
from distillery.losses.masked import masked_mean

CENTRE_RATE = 0.5  # METHODS, DYN


class Identities(nn.Module):
    """``L = (identity cross-entropy + centre * centre loss) / log(people)`` over the people of the training set (DYN).

    Ours differs: divided by what no knowledge of them costs, so that the head weighs about as much as another.
    """

    centres: Tensor

    def __init__(self, head: Identification, *, people: int) -> None:
        super().__init__()
        self.templates = nn.Parameter(torch.empty(people, head.dimensions))
        nn.init.normal_(self.templates, std=1 / math.sqrt(head.dimensions))
        self.register_buffer("centres", torch.zeros(people, head.dimensions))
        self._head = head
        self._scale = math.log(max(2, people))
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def forward(self, embeddings: Tensor, labels: Tensor, weights: Tensor, total: Tensor) -> Tensor:
        """The masked mean over the labelled images of a batch, or their part of it: a scalar.

        Args:
            embeddings: float [images, dimensions].
            labels: float [images, 1], the person's number.
            weights: float [images], 0 where nobody knows who it is.
            total: the labelled images of the whole batch.
        """
        people = labels[:, 0].long()
        head = self._head
        cells = identity_cross_entropy(embeddings, people, self.templates, margin=head.margin, scale=head.scale)
        cells = cells + head.centre * centre_loss(embeddings, people, self.centres)
        self._seen.append((embeddings.detach(), people, weights))
        return masked_mean(cells, weights, total) / self._scale

    def finish(self) -> None:
        """Move the centres to what the whole batch showed."""
        embeddings, people, weights = (torch.cat(parts) for parts in zip(*self._seen, strict=True))
        self._seen.clear()
        move_centres(self.centres, embeddings, people, weights, rate=CENTRE_RATE)
