"""The width of a predicted number, scaled (Laves et al., Well-calibrated regression uncertainty, MIDL 2020, eq. 8)."""

import numpy as np

from distillery.labelling.calibration.labelled import Calibrate, Labelled

FLOOR = 0.1  # of the median width: views that agree by chance to the last digit are not that sure


def width(labelled: Labelled) -> Calibrate:
    """``s sigma`` for each output, ``s^2 = mean((y - mu)^2 / sigma^2)``: of the least negative log-likelihood.

    Sigma is at least a tenth of its median, in learning and in use: one cell without any width would decide alone.
    """
    floor = FLOOR * np.median(labelled.found, axis=0)
    ratio = (labelled.truth / np.maximum(labelled.found, floor)) ** 2
    scale = np.sqrt(np.where(labelled.present, ratio, 0).sum(axis=0) / np.maximum(labelled.present.sum(axis=0), 1))
    return lambda found: (scale * np.maximum(found, floor)).astype(np.float32)
