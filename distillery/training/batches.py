"""Mixed batches of all data sets in fixed proportions; any step's rows follow from its number alone."""

from collections.abc import Mapping

import numpy as np

from distillery.errors import DistilleryError


class BatchPlan:
    """Draws from each group without replacement, pass after pass, a fixed number of rows a batch.

    A step's rows depend on the seed and the step alone, so that training resumes anywhere without replaying.

    Raises:
        DistilleryError: a group with a proportion above 0 has no row.
    """

    def __init__(
        self, groups: Mapping[str, np.ndarray], proportions: Mapping[str, float], *, batch: int, seed: int
    ) -> None:
        for name, share in proportions.items():
            if share > 0 and not len(groups.get(name, ())):
                raise DistilleryError(f"mixing wants {share:g} of '{name}', which has no usable training image")
        self._groups = [groups[name] for name, share in proportions.items() if share > 0]
        self.counts = shares_of(batch, [share for share in proportions.values() if share > 0])
        self._seed = seed
        self._passes: dict[tuple[int, int], np.ndarray] = {}

    def rows(self, step: int) -> np.ndarray:
        """The rows of one batch, int64 [batch]."""
        parts = [self._draw(group, step * count, count) for group, count in enumerate(self.counts)]
        return np.concatenate(parts)

    def _draw(self, group: int, start: int, count: int) -> np.ndarray:
        size = len(self._groups[group])
        wanted = range(start, start + count)
        return np.array([self._order(group, place // size)[place % size] for place in wanted], dtype=np.int64)

    def _order(self, group: int, number: int) -> np.ndarray:
        if (group, number) not in self._passes:
            # A batch reaches into two neighbouring passes at most unless the group is smaller than its share of it.
            self._passes = {
                key: order for key, order in self._passes.items() if key[0] != group or key[1] >= number - 1
            }
            generator = np.random.default_rng([self._seed, group, number])
            self._passes[group, number] = generator.permutation(self._groups[group])
        return self._passes[group, number]


def shares_of(total: int, proportions: list[float]) -> list[int]:
    """Whole numbers in the given proportions that sum to ``total`` (largest remainders)."""
    exact = np.array(proportions) / sum(proportions) * total
    counts = np.floor(exact).astype(int)
    for index in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
        counts[index] += 1
    return counts.tolist()
