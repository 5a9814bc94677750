"""Few-shot compound emotions: a network that scores them without learning, fine-tuned on a few images of each (FBN)."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distillery.errors import DistilleryError
from distillery.heads import AnyHeads, Compound, LearntHeads
from distillery.images.augmentation import Strengths, augment
from distillery.images.transforms import to_float
from distillery.labelling.compounds import score_compounds
from distillery.networks.multihead import MultiHead, decode_all

SHARPNESS = 5.0  # of the zero-shot scores, which lie between 0 and about 4, as logits
CLIP = 1.0


class FewShot(nn.Module):
    """The zero-shot scores as logits, and a linear layer of the shared features on top, which begins at nothing.

    Our reconstruction: METHODS says of few-shot learning that the network is fine-tuned on the small set, not how its
    new output begins. So it begins as good as without learning.
    """

    def __init__(self, network: MultiHead, head: Compound, heads: AnyHeads, learnt: LearntHeads) -> None:
        super().__init__()
        self.network, self.linear = network, nn.Linear(network.features, len(head.classes))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self._head, self._heads, self._learnt = head, heads, learnt

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float [batch, classes], of images in 0..1, float [batch, 3, height, width]."""
        features, logits = self.network.features_and_logits(images)
        values = {name: value for name, (value, _) in decode_all(self._learnt, logits).items()}
        return SHARPNESS * score_compounds(self._head, self._heads, values) + self.linear(features).float()


def fine_tune(
    model: FewShot,
    images: Tensor,
    labels: Tensor,
    *,
    steps: int,
    batch: int,
    learning_rate: float,
    strengths: Strengths,
    seed: int,
) -> None:
    """Learn every parameter from some images, by AdamW with a rate that falls to nothing along half a cosine.

    Batch normalisation and dropout stay as in use: a few images are no statistics.

    Args:
        images: uint8 [images, height, width, 3], as stored.
        labels: int64 [images].
        batch: images of a step, at most; all, where there are no more.
        strengths: of the augmentation.
        seed: of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = list(model.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    model.eval()
    for _ in range(steps):
        drawn = torch.randperm(len(images), generator=generator)[:batch]
        seen, _ = augment(to_float(images[drawn]), strengths, generator)
        optimiser.zero_grad()
        F.cross_entropy(model(seen), labels[drawn]).backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        optimiser.step()
        schedule.step()


def split_people(people: Sequence[str], seed: int) -> np.ndarray:
    """Which images may be learnt from, bool [images]: those of half of the people, drawn; the others are measured."""
    names, member = np.unique(np.asarray(people), return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    return np.isin(member, order[: len(names) // 2])


def draw_shots(labels: np.ndarray, classes: Sequence[str], shots: int, seed: int) -> np.ndarray:
    """The places of so many images of each class, int64 [shots * classes]; fewer shots draw a part of the same.

    Args:
        labels: int64 [images].

    Raises:
        DistilleryError: a class has fewer.
    """
    drawn = []
    for place, name in enumerate(classes):
        found = np.random.default_rng([seed, place]).permutation(np.flatnonzero(labels == place))
        if len(found) < shots:
            raise DistilleryError(
                f"few_shot.shots: found {shots}, allowed is at most {len(found)}, or none at all ([]): "
                f"half of the people show {name!r} in no more images"
            )
        drawn.append(found[:shots])
    return np.sort(np.concatenate(drawn))
