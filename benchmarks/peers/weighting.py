"""What a multi-task weighting costs in a step against equal weights, in LibMTL and torchjd; and our fixed weights.

A step: forward of the compact network with the heads of params.yaml under bf16 on one batch that is in memory, the
heads' losses as ours compute them, what the method does to make one gradient of them, and fused AdamW. No clipping,
augmentation, average or record on any side. ``libmtl_steps`` and ``torchjd_steps`` say what each library's step is.

Rows of the group ``weighting`` set our fixed weights against a peer's equal weights. Rows of the group ``cost of
weighting`` are within the peer: the time of a method's step over that of its own equal weights.
"""

from collections.abc import Callable, Iterator

import torch

from benchmarks.peers import libmtl_steps, torchjd_steps
from benchmarks.peers.alternating import Row, seconds
from benchmarks.peers.multi_head import EQUAL, Problem, fresh_network, make_problem
from benchmarks.peers.setting import begin

PASSES = 9
UNIT = "milliseconds a step"


def measure() -> Iterator[Row]:
    """Our row against each library, then a row for each of its methods."""
    problem = make_problem(begin())
    libraries = {"LibMTL": libmtl_steps.steps(problem), "torchjd": torchjd_steps.steps(problem)}
    sides = {("ours", "fixed weights"): fixed_weights(problem)}
    sides |= {(library, name): act for library, steps in libraries.items() for name, act in steps.items()}
    times = {key: taken * 1000 for key, taken in seconds(sides, passes=PASSES).items()}
    for library, steps in libraries.items():
        equal = times[library, EQUAL]
        ours = times["ours", "fixed weights"]
        yield _row("weighting", "fixed weights", library, ours, equal, ratio=equal / ours)
        for name in [name for name in steps if name != EQUAL]:
            taken = times[library, name]
            yield _row("cost of weighting", f"{library}, {name}", library, taken, equal, ratio=taken / equal)


def _row(group: str, case: str, library: str, value: float, reference: float, *, ratio: float) -> Row:
    against = f"{library}, {EQUAL}"
    return Row(
        group=group, case=case, against=against, unit=UNIT, value=value, reference=reference, ratio=ratio, note=""
    )


def fixed_weights(problem: Problem) -> Callable[[], None]:
    """Our stage's step: the heads' losses in the proportions of params.yaml, one backward pass."""
    network = fresh_network(problem)
    optimiser = problem.optimiser(network)
    weights = [head.weight for head in problem.params.heads.values()]

    def act() -> None:
        with problem.autocast():
            logits = network(problem.images)
        total = torch.stack([weight * loss for weight, loss in zip(weights, problem.losses(logits), strict=True)]).sum()
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()

    return act
