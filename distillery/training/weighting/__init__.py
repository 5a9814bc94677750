"""Ways of weighting the heads, one file each, and the choice between them."""

from distillery.heads import LearntHeads
from distillery.methods import WeightingName
from distillery.networks.multihead import MultiHead
from distillery.training.weighting.dynamic import Dynamic
from distillery.training.weighting.equal import Equal
from distillery.training.weighting.fixed import Fixed
from distillery.training.weighting.gradient import Gradient
from distillery.training.weighting.naive_dynamic import NaiveDynamic
from distillery.training.weighting.random import Random
from distillery.training.weighting.uncertainty import Uncertainty
from distillery.training.weighting.weighting import Weighting

__all__ = ["Weighting", "make_weighting"]


def make_weighting(name: WeightingName, network: MultiHead, heads: LearntHeads) -> Weighting:
    """A fresh weighting of the heads of ``network``, on its device.

    Raises:
        DistilleryError: it needs a package that is not installed.
    """
    made: Weighting
    match name:
        case "fixed":
            made = Fixed(heads)
        case "equal":
            made = Equal(heads)
        case "dynamic":
            made = Dynamic(heads, features=network.features)
        case "naive_dynamic":
            made = NaiveDynamic(heads, features=network.features)
        case "uncertainty":
            made = Uncertainty(heads)
        case "random":
            made = Random(heads)
        case _:
            made = Gradient(heads, shared=list(network.backbone.parameters()), aggregation=name)
    return made.to(network.mean.device)
