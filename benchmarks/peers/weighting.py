"""What a multi-task weighting costs in a step against equal weights, in LibMTL and torchjd; and our fixed weights.

A step: forward of the compact network with the heads of params.yaml under bf16 on one batch that is in memory, the
heads' losses as ours compute them, what the method does to make one gradient of them, and fused AdamW. No clipping,
augmentation, average or record on any side. ``libmtl_steps`` and ``torchjd_steps`` say what each library's step is.

A row's ratio is a method's time over that of its own library's equal weights; the rows of our fixed weights give our
time over each library's equal weights.
"""

from collections.abc import Callable, Iterator

import torch

from benchmarks.peers import libmtl_steps, torchjd_steps
from benchmarks.peers.alternating import as_a_stage, seconds
from benchmarks.peers.multi_head import EQUAL, Problem, autocast, fresh_network, make_problem, optimiser_of
from benchmarks.rows import Row, row
from benchmarks.setting import params

PASSES = 9
OURS = ("ours", "fixed weights")


def measure() -> Iterator[Row]:
    """Rows of the group ``peers: weighting``: ours against each library, then each of its methods."""
    problem = make_problem()
    libraries = {"LibMTL": libmtl_steps.steps(problem), "torchjd": torchjd_steps.steps(problem)}
    sides = {OURS: as_a_stage(fixed_weights(problem))}
    sides |= {(library, name): act for library, steps in libraries.items() for name, act in steps.items()}
    times = {key: taken * 1000 for key, taken in seconds(sides, passes=PASSES).items()}
    for library, steps in libraries.items():
        for key in (OURS, *((library, name) for name in steps if name != EQUAL)):
            yield row(
                "peers: weighting",
                ", ".join(key),
                times[key],
                unit="ms/step",
                against=f"{library}, {EQUAL}",
                reference=times[library, EQUAL],
            )


def fixed_weights(problem: Problem) -> Callable[[], None]:
    """Our stage's step: the heads' losses in the proportions of params.yaml, one backward pass."""
    network = fresh_network()
    optimiser = optimiser_of(network)
    weights = [head.weight for head in params().distilled.values()]

    def act() -> None:
        with autocast():
            logits = network(problem.images)
        total = torch.stack([w * loss for w, loss in zip(weights, problem.losses(logits), strict=True)]).sum()
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()

    return act
