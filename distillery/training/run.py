"""All that changes while a network is trained: what a checkpoint holds."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from distillery.heads import Identification, LearntHeads
from distillery.networks.compiled import compiled
from distillery.networks.multihead import MultiHead
from distillery.training.coupling import Coupling
from distillery.training.hypergradient import Hypergradient
from distillery.training.identity import Identities
from distillery.training.optimisation import MovingAverage, make_optimiser
from distillery.training.schedule import share_at
from distillery.training.settings import Settings
from distillery.training.weighting import make_weighting

Forward = Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]  # features and logits, compiled or as it is


class Run:
    """A training run between two steps.

    Attributes:
        forward: the network as a step calls it.
        parameters: all that ``optimiser`` trains.
        step: steps done, of all epochs.
        sums: what the running epoch's steps recorded so far, summed, on the device.
        identities: by identification head, what it needs beside the network.
        records: of the epochs that are done.

    Args:
        people: by identification head, how many there are to learn.
    """

    def __init__(
        self,
        network: MultiHead,
        heads: LearntHeads,
        settings: Settings,
        *,
        couplings: Sequence[Coupling] = (),
        people: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.network, self.heads, self.couplings = network, heads, couplings
        self.forward: Forward = network.features_and_logits
        if settings.compile:
            self.forward = compiled(network.features_and_logits)
        self.weighting = make_weighting(settings.weighting, network, heads)
        self.identities = {
            name: Identities(head, people=people[name]).to(network.mean.device)
            for name, head in heads.items()
            if isinstance(head, Identification)
        }
        self.parameters = [*network.parameters(), *self.weighting.joint]
        for identities in self.identities.values():
            self.parameters += identities.parameters()
        self.optimiser = make_optimiser(
            settings.optimiser,
            self.parameters,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        self.hypergradient: Hypergradient | None = None
        if settings.schedule == "dynamic":
            self.hypergradient = Hypergradient(self.parameters, settings.learning_rate)
        self.average = MovingAverage(network, settings.ema)
        self.step = 0
        names = [f"{what}/{name}" for what in ("train_loss", "weight") for name in heads]
        names += [f"coupling/{coupling.name}" for coupling in couplings]
        self.sums: dict[str, Tensor] = {name: torch.zeros((), device=network.mean.device) for name in names}
        self.records: list[dict[str, float]] = []
        self._settings = settings

    def set_rate(self, step: int) -> None:
        """Give the optimiser the learning rate of a step."""
        settings = self._settings
        steps = settings.epochs * settings.steps_per_epoch
        share = share_at(settings.schedule, step, steps=steps, warmup=settings.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self._peak() * share

    def _peak(self) -> float | Tensor:
        if self.hypergradient is None:
            return self._settings.learning_rate
        rate = self.hypergradient.rate
        return rate if rate.is_cuda else float(rate)

    def update(self) -> None:
        """Take the step, with its gradients made."""
        if self.hypergradient is not None:
            self.hypergradient.adapt()
        self.optimiser.step()

    @property
    def averages_itself(self) -> bool:
        """Whether the optimiser evaluates other weights than it trains, as schedule-free AdamW does."""
        return hasattr(self.optimiser, "eval")

    def learn(self, learning: bool) -> None:
        """Make the weights those that are trained, or those that are evaluated."""
        if self.averages_itself:
            self.optimiser.train() if learning else self.optimiser.eval()  # type: ignore[attr-defined]

    def record(self, losses: Tensor, weights: Tensor, couplings: Sequence[Tensor]) -> dict[str, Tensor]:
        """A step's numbers by their names: losses and weights float [heads], a scalar for each coupling."""
        values = [*losses.unbind(), *weights.unbind(), *couplings]
        return dict(zip(self.sums, values, strict=True))

    def add(self, record: dict[str, Tensor]) -> None:
        """Count one step with its record."""
        self.average.update(self.step)
        self.step += 1
        for name, value in record.items():
            self.sums[name] += value

    def means(self) -> dict[str, float]:
        """``train_loss/<head>`` and the like: means over the running epoch's steps."""
        return {name: float(total) / self._settings.steps_per_epoch for name, total in self.sums.items()}

    def end_epoch(self, record: dict[str, float]) -> None:
        """Keep the epoch's record and start the next one."""
        self.records.append(record)
        for total in self.sums.values():
            total.zero_()
