"""A semi-supervised step: our student's against semilearn's algorithms, one classification head, the compact network.

Both sides take the same number of labelled and of unlabelled images a step, in the proportions of the student's batch
(params.yaml: two labelled data sets to one share of pseudo-labelled images), under bf16, with AdamW, clipping, a
schedule and a moving average of the weights.

Ours is the student stage's loop: gather, augment, one forward and backward pass of the whole batch against stored
labels and pseudo-labels. Making the pseudo-labels, once a round, is not in it.
semilearn's is its algorithm's own ``train_step`` with its parameter and moving-average hooks, on normalised images that
are in memory: no loader and no augmentation, which its own loader would do image by image. Its step makes the
pseudo-labels as it goes, and passes each unlabelled image twice (weak and strong view), PseudoLabel's once.

So theirs is spared the data and ours the labelling; images a second count an image once a step on both
sides. Quality is not compared here, but in ``students``.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers.alternating import as_a_stage, seconds
from benchmarks.peers.semilearn_steps import ALGORITHMS, make_algorithm, take_step
from benchmarks.peers.single_head import class_count, layers, one_head
from benchmarks.rows import Row, row
from benchmarks.setting import IMAGES, demo_bf16, network, params, store, training_stage
from distillery.images.transforms import to_float
from distillery.training.batches import shares_of

SIZE, STEPS, PASSES = 64, 4, 6


def measure() -> Iterator[Row]:
    """A row of the group ``peers: semi-supervised`` for each algorithm."""
    labelled, unlabelled = _counts()
    batch = labelled + unlabelled
    sides = {name: algorithm_steps(name, labelled, unlabelled) for name in ALGORITHMS}
    stage = training_stage(network(heads=one_head()), store(SIZE), steps=STEPS, batch=batch, heads=one_head())
    sides["ours"] = as_a_stage(stage)
    times = {name: taken / STEPS for name, taken in seconds(sides, passes=PASSES).items()}
    ours = times.pop("ours")
    for name, theirs in times.items():
        yield row(
            "peers: semi-supervised",
            f"student, {labelled} labelled and {unlabelled} unlabelled",
            batch / ours,
            unit="images/s",
            against=f"semilearn, {name}",
            reference=batch / theirs,
            note=f"a step: ours {ours * 1000:.0f} ms, theirs {theirs * 1000:.0f} ms, without loading",
        )


def _counts() -> tuple[int, int]:
    """How many labelled and pseudo-labelled images a batch of the student holds."""
    section = params().student
    counts = dict(zip(section.mixing, shares_of(section.batch, list(section.mixing.values())), strict=True))
    unlabelled = counts.pop("pseudo_labelled")
    return sum(counts.values()), unlabelled


class Network(nn.Module):
    """Our layers as semilearn expects a network: logits and features by name."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = self.layers[:2](images)
        return {"logits": self.layers[2](features).float(), "feat": features}


def algorithm_steps(name: str, labelled: int, unlabelled: int) -> Callable[[], None]:
    """A function that makes ``STEPS`` steps of a semilearn algorithm."""
    algorithm = make_algorithm(
        name,
        lambda **_: Network(layers("compact")),
        params().student,
        steps=STEPS * (PASSES + 1),
        classes=class_count(),
        unlabelled=IMAGES,
    )
    batch = _batch(labelled, unlabelled)

    def act() -> None:
        for _ in range(STEPS):
            take_step(algorithm, batch, bf16=demo_bf16())

    return act


def _batch(labelled: int, unlabelled: int) -> dict[str, Tensor]:
    images = to_float(store(SIZE).gather(np.arange(labelled + 2 * unlabelled))).sub_(0.45).div_(0.22)
    parts = images.split([labelled, unlabelled, unlabelled])
    batch = dict(zip(("x_lb", "x_ulb_w", "x_ulb_s"), parts, strict=True))
    return batch | {"y_lb": torch.arange(labelled) % class_count(), "idx_ulb": torch.arange(unlabelled)}
