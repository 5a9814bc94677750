"""An optimiser's state as named tensors and plain numbers, whichever optimiser it is."""

from typing import Any

import torch
from torch import Tensor

Scalars = dict[str, dict[str, Any]]
PLAIN = (bool, int, float)


def read_state(optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], Scalars]:
    """Tensors by ``<parameter>.<name>``; plain numbers by ``<parameter>`` or ``group<group>``, then by name.

    Groups hold what some optimisers learn there: Prodigy its estimate of the rate, schedule-free AdamW a sum.
    """
    tensors: dict[str, Tensor] = {}
    scalars: Scalars = {}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"{index}.{name}": value for name, value in state.items() if isinstance(value, Tensor)}
        scalars[str(index)] = {name: value for name, value in state.items() if isinstance(value, PLAIN)}
    for index, group in enumerate(optimiser.param_groups):
        scalars[f"group{index}"] = {name: value for name, value in group.items() if isinstance(value, PLAIN)}
    return tensors, scalars


def write_state(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor], scalars: Scalars) -> None:
    """Put back what ``read_state`` gave, to an optimiser of the same parameters."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        index, _, slot = name.partition(".")
        # The fused optimiser walks memory, so that a moment has to lie there as its parameter does (channels last).
        parameter = parameters[int(index)]
        laid = torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
        states.setdefault(int(index), {})[slot] = laid
    for place, state in states.items():
        state.update(scalars[str(place)])
    optimiser.load_state_dict({**optimiser.state_dict(), "state": states})
    for place, group in enumerate(optimiser.param_groups):
        group.update(scalars[f"group{place}"])
