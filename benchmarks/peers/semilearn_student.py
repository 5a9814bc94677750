"""A network trained by an algorithm of semilearn on the study's images, and what it is worth.

semilearn's is what the algorithm itself is, its numbers, and its averaging of weights. Ours is what ``students``
says is the same on both sides.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from benchmarks.peers.partly_labelled import Learnt, read_measured
from benchmarks.peers.semilearn_steps import ONE_VIEW, make_algorithm, take_step
from benchmarks.peers.single_head import HEAD
from distillery.heads import names
from distillery.images.augmentation import Strengths, augment
from distillery.images.cells import labelled_cells
from distillery.images.policies import Policy
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.labelling.predictor import Predictor
from distillery.labelling.views import View
from distillery.metrics.score import score
from distillery.networks.multihead import MultiHead
from distillery.params import Params
from distillery.training.schedule import share_at
from tasks.support.augmentation import make_strengths
from tasks.support.inference import inference
from tasks.support.machine import use_bf16

SHOWN = 200  # steps between two lines of progress


class Named(nn.Module):
    """Our network as semilearn expects one: logits and features by name."""

    def __init__(self, network: MultiHead) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features, logits = self.network.features_and_logits(images)
        return {"logits": logits[HEAD], "feat": features}


def train(name: str, params: Params, store: ImageStore, learnt: Learnt, *, steps: int) -> MultiHead:
    """The averaged network after so many steps."""
    section = params.student

    def build(**_: object) -> Named:
        torch.manual_seed(params.seed)  # as the stages begin a network
        shape = params.network.model_dump(include={"backbone", "width"})
        shape |= section.model_dump(include={"dropout", "stochastic_depth"})
        network = MultiHead(params.learnt, **shape, size=store.size)
        return Named(network.to(memory_format=torch.channels_last))

    classes = len(names(params.learnt[HEAD]))
    algorithm = make_algorithm(name, build, section, steps=steps, classes=classes, unlabelled=learnt.hidden)
    algorithm.scheduler = LambdaLR(
        algorithm.optimizer, lambda step: share_at(section.schedule, step, steps=steps, warmup=section.warmup)
    )
    bf16 = use_bf16(section.bf16, params.device, algorithm.model)
    for step, batch in enumerate(_batches(params, store, learnt, steps, twice=name != ONE_VIEW)):
        take_step(algorithm, batch, bf16=bf16)
        if step % SHOWN == 0 or step == steps - 1:
            _show(f"{name}, seed {params.seed}, step {step} of {steps}", algorithm.log_dict)
    return algorithm.ema_model.network


def _batches(
    params: Params, store: ImageStore, learnt: Learnt, steps: int, *, twice: bool
) -> Iterator[dict[str, Tensor]]:
    """What a step takes; the strong view only where unlabelled images are seen twice."""
    weak = make_strengths(params.teacher.augmentation)
    strong = replace(make_strengths(params.student.augmentation), policy=Policy(kind="rand_augment"))
    generator = torch.Generator().manual_seed(params.seed)

    def view(pixels: Tensor, strengths: Strengths) -> Tensor:
        return augment(to_float(pixels), strengths, generator)[0].contiguous(memory_format=torch.channels_last)

    for step in range(steps):
        known, hidden = learnt.batch(step)
        labelled, unlabelled = (store.gather(learnt.positions[rows]) for rows in (known, hidden))
        batch = {"x_lb": view(labelled, weak), "y_lb": learnt.classes[known], "x_ulb_w": view(unlabelled, weak)}
        batch |= {"x_ulb_s": view(unlabelled, strong)} if twice else {}
        yield batch | {"idx_ulb": torch.from_numpy(hidden - len(learnt.classes))}


def _show(place: str, record: dict[str, Any]) -> None:
    print(f"{place}: " + ", ".join(f"{key.split('/')[1]} {value:.3f}" for key, value in record.items()), flush=True)


def evaluate(network: MultiHead, params: Params, store: ImageStore) -> Iterator[tuple[str, dict[str, float]]]:
    """The metrics on each data set's test images, each seen once as it is."""
    how = replace(inference(params.evaluation, params.device, network), views=[View("identity")])
    predictor = Predictor(network, params.learnt, store, how)
    for rows in read_measured():
        values = torch.cat([found[HEAD].single for found in predictor.predict(rows["image"])])
        cells = labelled_cells(rows, params.learnt)
        yield rows["dataset"][0], score(params.learnt[HEAD], values, cells.labels[HEAD], cells.weights[HEAD])
