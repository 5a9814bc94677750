"""Mean absolute error and concordance correlation of numbers."""

from torch import Tensor


def score_numbers(values: Tensor, labels: Tensor, outputs: tuple[str, ...]) -> dict[str, float]:
    """Metrics over images, float [images, outputs] against the same; by output too where there are several.

    ``ccc = 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2)`` (Lin 1989; METHODS, FBN).
    """
    error = (values - labels).abs().mean(dim=0)
    # Double precision: the variances of nearly constant numbers cancel in single.
    ccc = concordance(values.double(), labels.double())
    found = {"mae": float(error.mean()), "ccc": float(ccc.mean())}
    if len(outputs) > 1:
        found |= {f"mae_{name}": float(error[index]) for index, name in enumerate(outputs)}
        found |= {f"ccc_{name}": float(ccc[index]) for index, name in enumerate(outputs)}
    return found


def concordance(values: Tensor, labels: Tensor) -> Tensor:
    """The ccc of each column, with variances over n - 1 as torchmetrics has them.

    Ours differs there in one thing: a constant prediction scores 0, where torchmetrics warns and gives not-a-number.
    Not-a-number is left for what has no answer: a single image, or both sides the same constant.
    """
    x, y = values - values.mean(dim=0), labels - labels.mean(dim=0)
    apart = (values.mean(dim=0) - labels.mean(dim=0)).square() * (len(values) - 1)
    return 2 * (x * y).sum(dim=0) / (x.square().sum(dim=0) + y.square().sum(dim=0) + apart)
