"""What training needs to go on where it stopped, and to end bit-identical to a run without a stop."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from distillery.networks.safetensors import load_tensors, save_tensors
from distillery.training.optimisation import MovingAverage


def save_checkpoint(
    path: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: MovingAverage,
    records: list[dict],
    key: str,
) -> None:
    """Write network, optimiser, average and the epochs' records; ``key`` says what run it belongs to."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state.items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
    # Dropout draws from torch's own generators.
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_initialized():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    notes = json.dumps({"key": key, "records": records}).encode()
    tensors["notes"] = torch.from_numpy(np.frombuffer(notes, dtype=np.uint8).copy())
    save_tensors(tensors, path)


def load_checkpoint(
    path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, average: MovingAverage, key: str
) -> list[dict]:
    """Restore everything in place and return the records so far; nothing happens without a checkpoint of this run."""
    if not path.is_file():
        return []
    tensors = load_tensors(path)
    notes = json.loads(tensors.pop("notes").numpy().tobytes())
    if notes["key"] != key:
        return []
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimiser": {}, "random": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = value
    network.load_state_dict(parts["network"])
    for name, value in parts["average"].items():
        average.state[name].copy_(value)
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in parts["optimiser"].items():
        index, _, slot = name.partition(".")
        # The fused optimiser walks memory, so that a moment has to lie there as its parameter does (channels last).
        laid_out = torch.empty_like(parameters[int(index)]).copy_(value) if value.ndim else value
        states.setdefault(int(index), {})[slot] = laid_out
    optimiser.load_state_dict({**optimiser.state_dict(), "state": states})
    if "cpu" in parts["random"]:
        torch.set_rng_state(parts["random"]["cpu"])
    if "cuda" in parts["random"]:
        torch.cuda.set_rng_state(parts["random"]["cuda"])
    return list(notes["records"])
