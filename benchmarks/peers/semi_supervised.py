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
sides. Quality is not compared here. semilearn moves batches to CUDA and times with CUDA events in its outer loop,
so that its step and hooks are called here as that loop calls them. Modules that it imports for text, audio and
tracking services are stood in for (see ``missing``).
"""

import logging
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers.alternating import as_a_stage, seconds
from benchmarks.peers.missing import stand_in
from benchmarks.peers.single_head import class_count, layers, one_head
from benchmarks.rows import Row, row
from benchmarks.setting import IMAGES, demo_bf16, network, params, store, training_stage
from distillery.images.transforms import to_float
from distillery.training.batches import shares_of

SIZE, STEPS, PASSES = 64, 4, 6
ALGORITHMS = ("pseudolabel", "fixmatch", "flexmatch", "freematch", "softmatch")
ABSENT = ("torchaudio", "transformers", "transformers.file_utils", "transformers.tokenization_utils_base",
          "transformers.data", "aim", "wandb", "torch.utils.tensorboard")  # fmt: skip


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
    algorithm = _algorithm(name)
    hooks = [algorithm.hooks_dict[hook] for hook in ("ParamUpdateHook", "EMAHook")]
    algorithm.model.train()
    algorithm.hooks_dict["EMAHook"].before_run(algorithm)
    wanted = algorithm.train_step.__code__.co_varnames[: algorithm.train_step.__code__.co_argcount]
    every = _batch(labelled, unlabelled)
    batch = {argument: every[argument] for argument in wanted if argument != "self"}

    def act() -> None:
        for _ in range(STEPS):
            with torch.autocast("cpu", torch.bfloat16, enabled=demo_bf16()):
                algorithm.out_dict, algorithm.log_dict = algorithm.train_step(**batch)
            for hook in hooks:
                hook.after_train_step(algorithm)
            algorithm.it += 1

    return act


def _batch(labelled: int, unlabelled: int) -> dict[str, Tensor]:
    images = to_float(store(SIZE).gather(np.arange(labelled + 2 * unlabelled))).sub_(0.45).div_(0.22)
    parts = images.split([labelled, unlabelled, unlabelled])
    batch = dict(zip(("x_lb", "x_ulb_w", "x_ulb_s"), parts, strict=True))
    return batch | {"y_lb": torch.arange(labelled) % class_count(), "idx_ulb": torch.arange(unlabelled)}


def _algorithm(name: str) -> Any:
    stand_in(*ABSENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # semilearn and the timm it imports warn of names of their own past
        from semilearn.algorithms import get_algorithm
        from semilearn.core.utils import ALGORITHMS as KNOWN

        section = params().student
        total = STEPS * (PASSES + 1)
        chosen = {argument.name.lstrip("-"): argument.default for argument in KNOWN[name].get_argument()}
        chosen |= {
            "algorithm": name, "dataset": "none", "num_labels": IMAGES, "num_classes": class_count(), "data_dir": "",
            "include_lb_to_ulb": False, "ema_m": section.ema, "epoch": 1, "num_train_iter": total,
            "num_eval_iter": total, "num_log_iter": total, "num_warmup_iter": round(total * section.warmup),
            "ulb_loss_ratio": 1.0, "use_cat": True, "amp": False, "clip_grad": section.clip, "save_name": "",
            "save_dir": "", "resume": False, "gpu": None, "rank": 0, "distributed": False, "world_size": 1,
            "optim": "AdamW", "lr": section.learning_rate, "momentum": 0.9, "weight_decay": section.weight_decay,
            "layer_decay": 1.0, "use_pretrain": False, "pretrain_path": "", "use_wandb": False, "use_aim": False,
            "ulb_dest_len": IMAGES, "lb_dest_len": IMAGES,
        }  # fmt: skip

        def build(**_: object) -> Network:
            return Network(layers("compact"))

        return get_algorithm(Namespace(**chosen), build, None, logging.getLogger("semilearn"))
