"""Which views are worth their forward pass: one after another, the one that helps the ensemble most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from torch import Tensor

from distillery.heads import Classification, Detection, Head, Heads
from distillery.images.cells import Cells
from distillery.images.store import ImageStore
from distillery.labelling.predictor import Inference, Predictor
from distillery.networks.multihead import MultiHead

SMALL = 1e-6  # the least probability that is believed, and the least loss that is divided by


@dataclass(frozen=True, kw_only=True)
class Step:
    """One more view in the ensemble.

    Attributes:
        view: its place among the candidates.
        losses: by head, of the ensemble with it.
        alone: by head, of this view without any other.
    """

    view: int
    losses: Mapping[str, float]
    alone: Mapping[str, float]


def answer_by_view(
    network: MultiHead, heads: Heads, store: ImageStore, images: pl.Series, how: Inference
) -> dict[str, Tensor]:
    """What each view alone says, float32 [views, images, names] on the CPU, by head."""
    found = Predictor(network, heads, store, how).answer_all(images, how.views)
    return {name: answers.values for name, answers in found.items()}


def rank_views(answers: Mapping[str, Tensor], heads: Heads, cells: Cells, first: int) -> list[Step]:
    """Add to ``first`` the view that lowers the mean over heads of loss over first loss most, until none is left.

    The loss is the negative log-likelihood of probabilities, the mean absolute error of numbers; heads without a
    labelled cell have no say.

    Args:
        answers: float [views, images, names], by head.
        cells: of the same images.
        first: the view that every ensemble has.
    """
    known = {name: head for name, head in heads.items() if bool((cells.weights[name] > 0).any())}

    def losses(views: Sequence[int]) -> dict[str, float]:
        return {
            name: _loss(head, answers[name][list(views)].mean(dim=0), cells.labels[name], cells.weights[name])
            for name, head in known.items()
        }

    count = len(next(iter(answers.values())))
    alone = [losses([view]) for view in range(count)]
    reference, chosen = alone[first], [first]
    steps = [Step(view=first, losses=reference, alone=reference)]
    while len(chosen) < count:
        tried = {view: losses([*chosen, view]) for view in range(count) if view not in chosen}
        best = min(tried, key=lambda view: relative(tried[view], reference))
        chosen.append(best)
        steps.append(Step(view=best, losses=tried[best], alone=alone[best]))
    return steps


def relative(losses: Mapping[str, float], reference: Mapping[str, float]) -> float:
    """The mean over heads of a loss over that of reference; 1 where there is none."""
    shares = [loss / max(reference[name], SMALL) for name, loss in losses.items()]
    return sum(shares) / len(shares) if shares else 1.0


def _loss(head: Head, values: Tensor, labels: Tensor, weights: Tensor) -> float:
    match head:
        case Classification():
            cells = -(labels * values.clamp(min=SMALL).log()).sum(dim=1)
        case Detection():
            yes, no = values.clamp(min=SMALL).log(), (1 - values).clamp(min=SMALL).log()
            cells = -(labels * yes + (1 - labels) * no)
        case _:
            cells = (values - labels).abs().mean(dim=1)
    return float(cells[weights > 0].mean())
