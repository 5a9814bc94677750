"""Verification: whether two images show one person, by the similarity of their directions."""

import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_roc

FOLDS = 10
RATES = (0.01, 0.001)  # of false accepts
SAME_IMAGE = 1 - 1e-6  # a bootstrap draws images twice; an image is no pair with itself


def score_identities(directions: Tensor, people: Tensor) -> dict[str, float]:
    """Metrics over all pairs of images, float [images, dimensions] against int64 [images].

    ``auc``; ``accepted_at_<rate>``, the share of true pairs that is accepted where that share of false ones is; and
    ``verification_accuracy``, the mean of ``accuracies_by_fold``. Not-a-number where all images are of one person, or
    of as many people as images.
    """
    units = torch.nn.functional.normalize(directions, dim=1)
    first, second = torch.triu_indices(len(people), len(people), offset=1).unbind()
    # From 0 to 1: torchmetrics would take anything else for logits, and give thresholds of their sigmoid.
    similarity = (1 + (units @ units.T)[first, second].clamp(-1, 1)) / 2
    kept = similarity < SAME_IMAGE
    first, second, similarity = first[kept], second[kept], similarity[kept]
    same = people[first] == people[second]
    found = ["auc", *(f"accepted_at_{rate:g}" for rate in RATES), "verification_accuracy"]
    if not 0 < same.sum() < len(same):
        return dict.fromkeys(found, float("nan"))
    false, true, _ = binary_roc(similarity, same.long())
    area = float(torch.trapezoid(true, false))
    accepted = [float(true[false <= rate].max()) for rate in RATES]
    fold = _folds(people)
    apart = fold[first] == fold[second]  # pairs across folds would be in neither
    by_fold = accuracies_by_fold(similarity[apart], same[apart], fold[first][apart])
    accuracy = sum(by_fold) / len(by_fold) if by_fold else float("nan")
    return dict(zip(found, [area, *accepted, accuracy], strict=True))


def score_pairs(first: Tensor, second: Tensor, same: Tensor, fold: Tensor) -> tuple[float, float, float]:
    """Of a list of pairs the mean accuracy over its folds, and that less and plus two standard errors.

    Args:
        first, second: float [pairs, dimensions].
        same: bool [pairs].
        fold: int64 [pairs].
    """
    similarity = (1 + torch.nn.functional.cosine_similarity(first, second)) / 2
    found = torch.tensor(accuracies_by_fold(similarity, same, fold), dtype=torch.float64)
    mean, error = float(found.mean()), float(found.std()) / max(1, len(found)) ** 0.5
    return mean, mean - 2 * error, mean + 2 * error


def accuracies_by_fold(similarity: Tensor, same: Tensor, fold: Tensor) -> list[float]:
    """The accuracy of each fold, by the threshold that is best for the pairs of all others.

    Source: the protocol of LFW (Huang et al., 2007, section 5). True and false pairs count alike, as LFW's are as many.

    Args:
        similarity: float [pairs], 0 to 1.
        same: bool [pairs].
        fold: int64 [pairs].
    """
    found = []
    for number in fold.unique().tolist():
        held = fold == number
        if same[held].any() and not same[held].all() and same[~held].any() and not same[~held].all():
            threshold = _best_threshold(similarity[~held], same[~held])
            found.append(_balanced(similarity[held] >= threshold, same[held]))
    return found


def _best_threshold(similarity: Tensor, same: Tensor) -> Tensor:
    false, true, thresholds = binary_roc(similarity, same.long())
    best = int((true - false).argmax())
    return thresholds[best : best + 2].mean()  # halfway to the next pair, which it refuses


def _balanced(accepted: Tensor, same: Tensor) -> float:
    return (float(accepted[same].float().mean()) + float((~accepted[~same]).float().mean())) / 2


def _folds(people: Tensor) -> Tensor:
    """Each person whole in one fold, of two people at least, int64 [images]."""
    known, number = people.unique(return_inverse=True)
    return number % min(FOLDS, max(1, len(known) // 2))
