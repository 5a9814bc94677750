"""Published augmentation policies, by torchvision: every image draws its own operations."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import Tensor

GREY = 0.5  # what a move or a turn uncovers, of 0..1


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Which policy, and how strong.

    Attributes:
        kind: ``trivial_augment`` (Müller, Hutter, ICCV 2021): one operation of random strength; ``rand_augment``
            (Cubuk et al., CVPR Workshops 2020): so many operations of one strength.
        operations: of ``rand_augment``, one after another.
        magnitude: of ``rand_augment``, 0 to 30.
    """

    kind: Literal["trivial_augment", "rand_augment"]
    operations: int = 2
    magnitude: int = 9


def apply_policy(images: Tensor, policy: Policy, generator: torch.Generator) -> Tensor:
    """Transform float images [batch, 3, height, width] in 0..1, one after another: torchvision draws once a call.

    It draws from torch's own generator, which is put back afterwards: what else draws from that sees no difference.
    """
    transform = _transform(policy)
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return torch.stack([transform(image) for image in images])


@cache
def _transform(policy: Policy) -> Callable[[Tensor], Tensor]:
    # torchvision takes seconds to import, and most trainings do without.
    from torchvision.transforms import InterpolationMode, v2

    how = {"interpolation": InterpolationMode.BILINEAR, "fill": GREY}
    if policy.kind == "trivial_augment":
        return v2.TrivialAugmentWide(**how)
    return v2.RandAugment(num_ops=policy.operations, magnitude=policy.magnitude, **how)
