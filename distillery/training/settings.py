"""Numbers of the optimisation; see params.yaml for their meaning."""

from dataclasses import dataclass

from distillery.methods import OptimiserName, Schedule, WeightingName


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
