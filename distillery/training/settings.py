"""Numbers of the optimisation; see params.yaml for their meaning."""

from dataclasses import dataclass

from distillery.methods import LabelledShare, OptimiserName, Schedule, WeightingName


@dataclass(frozen=True, kw_only=True)
class PseudoLearning:
    """How pseudo-labelled cells count in a head's loss.

    Attributes:
        labelled_share: ``kept`` adds them to the loss of the labelled cells, whose mean stays what it is without them;
            ``shrinking`` takes one mean over both.
        temperature: at which their probabilities are compared; the targets are at it already.
        drop: share of them that is left out of each batch, those of largest loss.
    """

    labelled_share: LabelledShare = "shrinking"
    temperature: float = 1.0
    drop: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a training run is, beside its network, its examples and its seed."""

    epochs: int
    steps_per_epoch: int
    accumulate: int
    weighting: WeightingName
    optimiser: OptimiserName
    schedule: Schedule
    learning_rate: float
    weight_decay: float
    warmup: float
    smoothing: float
    clip: float
    ema: float
    bf16: bool
    channels_last: bool
    compile: bool
    workers: int
    save_every: float
    pseudo: PseudoLearning = PseudoLearning()
