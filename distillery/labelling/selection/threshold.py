"""Fixed threshold (FixMatch, Sohn et al., NeurIPS 2020): keep what is sure enough."""

import numpy as np


def keep_confident(confidence: np.ndarray, threshold: float) -> np.ndarray:
    """``p_max >= tau``: weight 1 where kept, 0 where refused, float32 of the same shape."""
    return (confidence >= threshold).astype(np.float32)


def keep_narrow(deviation: np.ndarray, threshold: float) -> np.ndarray:
    """For numbers: predictive standard deviation, in the head's units, at most ``threshold``."""
    return (deviation <= threshold).astype(np.float32)
