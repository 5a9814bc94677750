"""Backbones by name: ours, or any classification network of torchvision with its last layer taken off."""

from torch import nn

from distillery.errors import DistilleryError
from distillery.networks.compact import Compact

# Without a last linear layer to take off, or with a second output while training.
NOT_PLAIN = ("googlenet", "inception_v3", "squeezenet1_0", "squeezenet1_1")


def make_backbone(name: str, *, width: float, size: int, stochastic_depth: float = 0.0) -> tuple[nn.Module, int]:
    """A network from images to features, and the number of features.

    Args:
        name: ``compact`` or a name that ``torchvision.models.list_models`` knows.
        width: channel multiplier of ``compact``; 1 for every other.
        size: side of the images in pixels, which some transformers are built for.
        stochastic_depth: the chance that training leaves out the last residual branch; earlier ones less.

    Raises:
        DistilleryError: an unknown name, or a network that cannot be built so.
    """
    if name == "compact":
        network = Compact(width, stochastic_depth)
        return network, network.features
    # torchvision takes seconds to import, and the compact network does without.
    from torchvision import models

    known = [found for found in models.list_models(module=models) if found not in NOT_PLAIN]
    if name not in known:
        raise DistilleryError(f"network.backbone is {name!r}; allowed: compact or one of {known}")
    built_for: dict[str, int | tuple[int, int]] = {"image_size": size} if name.startswith("vit_") else {}
    built_for = {"input_size": (size, size)} if name == "maxvit_t" else built_for
    try:
        backbone = models.get_model(name, weights=None, **built_for)
    except (AssertionError, ValueError) as error:
        raise DistilleryError(f"network.backbone: {name} cannot be built for images.size {size} ({error})") from error
    _drop_branches(backbone, name, stochastic_depth)
    return backbone, _take_off_last_layer(backbone)


def _drop_branches(backbone: nn.Module, name: str, stochastic_depth: float) -> None:
    """Give the last branch this chance and the others theirs in proportion, as torchvision's defaults are."""
    from torchvision.ops import StochasticDepth

    dropping = [module for module in backbone.modules() if isinstance(module, StochasticDepth)]
    if stochastic_depth and not dropping:
        raise DistilleryError(
            f"stochastic_depth is {stochastic_depth:g}, and {name} has no branches to leave out; allowed: 0, or "
            "network.backbone compact, convnext_*, efficientnet_*, maxvit_t or swin_*"
        )
    largest = max((module.p for module in dropping), default=1.0)
    for module in dropping:
        module.p *= stochastic_depth / largest


def _take_off_last_layer(backbone: nn.Module) -> int:
    *_, (path, last) = ((path, m) for path, m in backbone.named_modules() if isinstance(m, nn.Linear))
    parent, _, attribute = path.rpartition(".")
    setattr(backbone.get_submodule(parent), attribute, nn.Identity())
    return last.in_features
