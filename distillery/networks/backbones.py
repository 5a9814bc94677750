"""Backbones by name: ours, or any classification network of torchvision with its last layer taken off."""

from torch import nn

from distillery.errors import DistilleryError
from distillery.networks.compact import Compact

# Without a last linear layer to take off, or with a second output while training.
NOT_PLAIN = ("googlenet", "inception_v3", "squeezenet1_0", "squeezenet1_1")


def make_backbone(name: str, *, width: float) -> tuple[nn.Module, int]:
    """A network from images to features, and the number of features.

    Args:
        name: ``compact`` or a name that ``torchvision.models.list_models`` knows.
        width: channel multiplier of ``compact``; 1 for every other.

    Raises:
        DistilleryError: an unknown name.
    """
    if name == "compact":
        network = Compact(width)
        return network, network.features
    # torchvision takes seconds to import, and the compact network does without.
    from torchvision import models

    known = [found for found in models.list_models(module=models) if found not in NOT_PLAIN]
    if name not in known:
        raise DistilleryError(f"network.backbone is {name!r}; allowed: compact or one of {known}")
    backbone = models.get_model(name, weights=None)
    return backbone, _take_off_last_layer(backbone)


def _take_off_last_layer(backbone: nn.Module) -> int:
    *_, (path, last) = ((path, m) for path, m in backbone.named_modules() if isinstance(m, nn.Linear))
    parent, _, attribute = path.rpartition(".")
    setattr(backbone.get_submodule(parent), attribute, nn.Identity())
    return last.in_features
