"""How good a network's answers are, image by image: whether right, or how far off."""

from torch import Tensor

from distillery.heads import Classification, Detection, Head


def quality(head: Head, values: Tensor, labels: Tensor) -> Tensor:
    """1 or 0 where a decision is right or wrong, the mean absolute error of numbers, in the head's units.

    Args:
        values: float [images, names]: probabilities, or numbers in the head's units.
        labels: float [images, names].

    Returns:
        Float [images]; of a detection head [images, elements].
    """
    match head:
        case Classification():
            return (values.argmax(dim=1) == labels.argmax(dim=1)).float()
        case Detection():
            return ((values >= 0.5) == (labels >= 0.5)).float()
        case _:
            return (values - labels).abs().mean(dim=1)
