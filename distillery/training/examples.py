"""What there is to learn from."""

from dataclasses import dataclass

import numpy as np

from distillery.images.cells import Cells


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Rows to learn from: where each image lies in the store, int64 [rows], and its cells."""

    positions: np.ndarray
    cells: Cells
