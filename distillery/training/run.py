"""All that changes while a network is trained: what a checkpoint holds."""

import torch
from torch import Tensor

from distillery.heads import Heads
from distillery.networks.multihead import MultiHead
from distillery.training.optimisation import MovingAverage, make_optimiser
from distillery.training.settings import Settings


class Run:
    """A training run between two steps.

    Attributes:
        step: steps done, of all epochs.
        sums: by head, the losses of the running epoch's steps so far, on the device.
        records: of the epochs that are done.
    """

    def __init__(self, network: MultiHead, heads: Heads, settings: Settings) -> None:
        self.network = network
        self.parameters = list(network.parameters())
        self.optimiser = make_optimiser(
            network, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.average = MovingAverage(network, settings.ema)
        self.step = 0
        device = self.parameters[0].device
        self.sums: dict[str, Tensor] = {name: torch.zeros((), device=device) for name in heads}
        self.records: list[dict[str, float]] = []
        self._steps_per_epoch = settings.steps_per_epoch

    def add(self, losses: dict[str, Tensor]) -> None:
        """Count one step with its losses."""
        self.average.update(self.step)
        self.step += 1
        for name, loss in losses.items():
            self.sums[name] += loss

    def mean_losses(self) -> dict[str, float]:
        """``train_loss/<head>``, the mean over the running epoch's steps."""
        return {f"train_loss/{name}": float(total) / self._steps_per_epoch for name, total in self.sums.items()}

    def end_epoch(self, record: dict[str, float]) -> None:
        """Keep the epoch's record and start the next one."""
        self.records.append(record)
        for total in self.sums.values():
            total.zero_()
