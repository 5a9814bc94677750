"""The audit of pseudo-labels: how many were kept, and how many of those are right where the truth is known."""

from torch import Tensor

from distillery.heads import Classification, Detection, Head
from distillery.quality import quality


def audit_kept(head: Head, values: Tensor, kept: Tensor, labels: Tensor, present: Tensor) -> dict[str, float]:
    """Precision of the kept pseudo-labels over cells whose truth is known, and of all predictions beside it.

    Args:
        head: for classification and detection the result is ``precision`` (share that is right); for regression it
            is ``mae``, in the head's units.
        values: float [images, names], the predictions.
        kept: float [images] (detection [images, elements]), the pseudo-labels' weights.
        labels: float [images, names], the truth.
        present: where the truth is known, shaped as ``kept``.
    """
    good = quality(head, values, labels)
    known = present > 0
    chosen = known & (kept > 0)
    what = "precision" if isinstance(head, Classification | Detection) else "mae"
    return {
        what: float(good[chosen].mean()),
        f"{what}_without_selection": float(good[known].mean()),
        "yield": float(chosen.sum() / known.sum()),
        "audited": float(chosen.sum()),
    }
