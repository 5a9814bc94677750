"""The learning rate over the steps of a run, as a share of its peak."""

import math

from distillery.methods import Schedule


def share_at(schedule: Schedule, step: int, *, steps: int, warmup: float) -> float:
    """Linear warm-up over a share of the steps; then 1, or half a cosine to 0 (Loshchilov, Hutter, ICLR 2017).

    ``dynamic`` is constant here: its peak itself moves (see ``hypergradient``).
    """
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
    return 1.0
