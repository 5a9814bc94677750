"""What there is to learn from."""

from dataclasses import dataclass

import numpy as np

from distillery.heads import Identification, LearntHeads
from distillery.images.cells import Cells


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Rows to learn from: where each image lies in the store, int64 [rows], and its cells."""

    positions: np.ndarray
    cells: Cells

    def people(self, heads: LearntHeads) -> dict[str, int]:
        """By identification head, how many there are."""
        return {
            name: int(self.cells.labels[name].max()) + 1
            for name, head in heads.items()
            if isinstance(head, Identification) and len(self.positions)
        }
