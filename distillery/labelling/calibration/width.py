"""The width of a predicted number, scaled (Laves et al., Well-calibrated regression uncertainty, MIDL 2020, eq. 8)."""

import numpy as np

from distillery.labelling.calibration.labelled import SMALL, Calibrate, Labelled


def width(labelled: Labelled) -> Calibrate:
    """``s sigma`` for each output, ``s^2 = mean((y - mu)^2 / sigma^2)``: of the least negative log-likelihood."""
    ratio = (labelled.truth / np.maximum(labelled.found, SMALL)) ** 2
    scale = np.sqrt(np.where(labelled.present, ratio, 0).sum(axis=0) / np.maximum(labelled.present.sum(axis=0), 1))
    return lambda found: (scale * found).astype(np.float32)
