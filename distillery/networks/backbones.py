"""Backbones by name: ours, or any classification network of torchvision with its last layer taken off."""

from pathlib import Path

import torch
from torch import nn

from distillery.errors import DistilleryError
from distillery.networks.compact import Compact

# Without a last linear layer to take off, or with a second output while training.
NOT_PLAIN = ("googlenet", "inception_v3", "squeezenet1_0", "squeezenet1_1")


def make_backbone(name: str, *, width: float, pretrained: bool) -> tuple[nn.Module, int]:
    """A network from images to features, and the number of features.

    Args:
        name: ``compact`` or a name that ``torchvision.models.list_models`` knows.
        width: channel multiplier of ``compact``; 1 for every other.
        pretrained: start from torchvision's weights, which must lie in torch's cache: nothing is downloaded.

    Raises:
        DistilleryError: an unknown name, or weights that are not on this machine.
    """
    if name == "compact":
        if pretrained:
            raise DistilleryError("network.pretrained is true, but 'compact' has no pretrained weights")
        network = Compact(width)
        return network, network.features
    # torchvision takes seconds to import, and the compact network does without.
    from torchvision import models

    known = [found for found in models.list_models(module=models) if found not in NOT_PLAIN]
    if name not in known:
        raise DistilleryError(f"network.backbone is {name!r}; allowed: compact or one of {known}")
    backbone = models.get_model(name, weights=None)
    if pretrained:
        backbone.load_state_dict(_cached_weights(models.get_model_weights(name).DEFAULT.url))
    return backbone, _take_off_last_layer(backbone)


def _cached_weights(url: str) -> dict[str, torch.Tensor]:
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.is_file():
        raise DistilleryError(f"network.pretrained is true, but {path} is not on this machine; nothing is downloaded")
    return torch.load(path, weights_only=True, map_location="cpu")


def _take_off_last_layer(backbone: nn.Module) -> int:
    *_, (path, last) = ((path, m) for path, m in backbone.named_modules() if isinstance(m, nn.Linear))
    parent, _, attribute = path.rpartition(".")
    setattr(backbone.get_submodule(parent), attribute, nn.Identity())
    return last.in_features
