"""One temperature a head (Guo et al., On calibration of modern neural networks, ICML 2017, section 4.2)."""

import numpy as np

from distillery.labelling.calibration.labelled import Calibrate, Labelled, true_chance
from distillery.labelling.chances import log_chances, softmax

COLDEST, HOTTEST, HALVINGS = 0.05, 20.0, 60


def temperature(labelled: Labelled) -> Calibrate:
    """``softmax(log p / T)``, T of the least negative log-likelihood; an ensemble has no logits but the logarithm.

    The likelihood is concave in 1 / T, so that halving the interval between T = 0.05 and 20 finds its one best place.
    """
    logits = log_chances(labelled.found)
    true = true_chance(logits, labelled.truth)
    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(HALVINGS):
        sharpness = (low + high) / 2
        mean = (softmax(sharpness * logits) * logits).sum(axis=2)
        if ((mean - true) * labelled.present).sum() < 0:
            low = sharpness
        else:
            high = sharpness
    return lambda found: softmax((low + high) / 2 * log_chances(found)).astype(np.float32)
