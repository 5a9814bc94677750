"""What training needs to go on where it stopped, and to end bit-identical to a run without a stop.

Two generations are kept, the last and the one before: whichever moment a kill strikes, one of them is whole.
"""

import json
import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from distillery.errors import DistilleryError
from distillery.networks.safetensors import load_tensors, save_tensors
from distillery.training.optimiser_state import read_state, write_state
from distillery.training.run import Run

log = logging.getLogger(__name__)


def save_checkpoint(path: Path, run: Run, key: str) -> None:
    """Write the run's whole state; ``key`` says what run it belongs to."""
    tensors = {f"network.{name}": value for name, value in run.network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in run.average.state.items()}
    tensors |= {f"sums.{name}": value for name, value in run.sums.items()}
    tensors |= {f"weighting.{name}": value for name, value in run.weighting.state_dict().items()}
    tensors |= {f"identities.{name}": value for name, value in nn.ModuleDict(run.identities).state_dict().items()}
    if run.hypergradient is not None:
        tensors |= {f"hypergradient.{name}": value for name, value in run.hypergradient.state().items()}
    scalars = {}
    for name, optimiser in _optimisers(run).items():
        moments, scalars[name] = read_state(optimiser)
        tensors |= {f"{name}.{where}": value for where, value in moments.items()}
    # Dropout draws from torch's own generators.
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_initialized():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    notes = json.dumps({"key": key, "step": run.step, "records": run.records, "scalars": scalars}).encode()
    tensors["notes"] = torch.from_numpy(np.frombuffer(notes, dtype=np.uint8).copy())
    if path.is_file():
        path.replace(former(path))
    save_tensors(tensors, path)


def load_checkpoint(path: Path, run: Run, key: str) -> None:
    """Restore the last good state in place; nothing happens without a checkpoint of this run."""
    for candidate in (path, former(path)):
        if candidate.is_file():
            try:
                tensors = load_tensors(candidate)
                notes = json.loads(tensors.pop("notes").numpy().tobytes())
                if notes["key"] == key:
                    return _restore(run, tensors, notes)
            except (DistilleryError, KeyError, ValueError, TypeError) as error:
                log.warning("%s: damaged checkpoint, the one before it is tried (%s)", candidate, error)
                candidate.unlink()  # or the next save would keep it in the place of a good one


def remove_checkpoint(path: Path) -> None:
    """Both generations."""
    path.unlink(missing_ok=True)
    former(path).unlink(missing_ok=True)


def former(path: Path) -> Path:
    """Where the generation before the last lies."""
    return path.with_suffix(f".former{path.suffix}")


def _optimisers(run: Run) -> dict[str, torch.optim.Optimizer]:
    found = {"optimiser": run.optimiser, "weighting_optimiser": run.weighting.optimiser}
    return {name: optimiser for name, optimiser in found.items() if optimiser is not None}


def _restore(run: Run, tensors: dict[str, Tensor], notes: dict) -> None:
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = value
    run.network.load_state_dict(parts["network"])
    run.weighting.load_state_dict(parts.get("weighting", {}))
    nn.ModuleDict(run.identities).load_state_dict(parts.get("identities", {}))
    copied = {"average": run.average.state, "sums": run.sums}
    if run.hypergradient is not None:
        copied["hypergradient"] = run.hypergradient.state()
    for part, state in copied.items():
        for name, value in state.items():
            value.copy_(parts[part][name])
    for name, optimiser in _optimisers(run).items():
        write_state(optimiser, parts.get(name, {}), notes["scalars"][name])
    torch.set_rng_state(parts["random"]["cpu"])
    if "cuda" in parts["random"]:
        torch.cuda.set_rng_state(parts["random"]["cuda"])
    run.step, run.records = notes["step"], list(notes["records"])
