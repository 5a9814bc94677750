"""A training step by semilearn's algorithms, on a network and with a section of parameters that a comparison gives.

semilearn moves batches to CUDA and times with CUDA events in its outer loop, so that its step and hooks are called here
as that loop calls them. Modules that it imports for text, audio and tracking services are stood in for (see
``missing``).
"""

import logging
import warnings
from argparse import Namespace
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.missing import stand_in
from distillery.params.training import Training

ALGORITHMS = ("pseudolabel", "fixmatch", "flexmatch", "freematch", "softmatch")
ONE_VIEW = "pseudolabel"  # of an unlabelled image in a step, where the others take a weak and a strong one
ABSENT = ("torchaudio", "transformers", "transformers.file_utils", "transformers.tokenization_utils_base",
          "transformers.data", "aim", "wandb", "torch.utils.tensorboard")  # fmt: skip
HOOKS = ("ParamUpdateHook", "EMAHook")


def make_algorithm(
    name: str, build: Callable[..., nn.Module], section: Training, *, steps: int, classes: int, unlabelled: int
) -> Any:
    """An algorithm with semilearn's own numbers for what is its own, and ours for the optimisation.

    Args:
        build: makes the network: images to ``logits`` and ``feat``.
        unlabelled: how many images there are to learn from without a label; FlexMatch remembers each.
    """
    stand_in(*ABSENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # semilearn and the timm it imports warn of names of their own past
        from semilearn.algorithms import get_algorithm
        from semilearn.core.utils import ALGORITHMS as KNOWN

        chosen = {argument.name.lstrip("-"): argument.default for argument in KNOWN[name].get_argument()}
        chosen |= {
            "algorithm": name, "dataset": "none", "num_labels": 0, "num_classes": classes, "data_dir": "",
            "include_lb_to_ulb": False, "ema_m": section.ema, "epoch": 1, "num_train_iter": steps,
            "num_eval_iter": steps, "num_log_iter": steps, "num_warmup_iter": round(steps * section.warmup),
            "ulb_loss_ratio": 1.0, "use_cat": True, "amp": False, "clip_grad": section.clip, "save_name": "",
            "save_dir": "", "resume": False, "gpu": None, "rank": 0, "distributed": False, "world_size": 1,
            "optim": "AdamW", "lr": section.learning_rate, "momentum": 0.9, "weight_decay": section.weight_decay,
            "layer_decay": 1.0, "use_pretrain": False, "pretrain_path": "", "use_wandb": False, "use_aim": False,
            "ulb_dest_len": unlabelled,
        }  # fmt: skip
        algorithm = get_algorithm(Namespace(**chosen), build, None, logging.getLogger("semilearn"))
    algorithm.model.train()
    algorithm.hooks_dict["EMAHook"].before_run(algorithm)
    return algorithm


def take_step(algorithm: Any, batch: Mapping[str, Tensor], *, bf16: bool) -> None:
    """One step on what the algorithm takes of ``x_lb``, ``y_lb``, ``x_ulb_w``, ``x_ulb_s``, ``idx_ulb``."""
    taken = {name: batch[name] for name in signature(algorithm.train_step).parameters}
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        algorithm.out_dict, algorithm.log_dict = algorithm.train_step(**taken)
    for hook in HOOKS:
        algorithm.hooks_dict[hook].after_train_step(algorithm)
    algorithm.it += 1
