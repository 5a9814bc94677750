"""Our ensemble of views against ttach's: images a second, the same network, views, batch and dtype.

In a pass both sides take one batch of stored pixels (uint8 in memory), make them float, run every view through the
network under bf16 in inference mode and merge the views' probabilities. Reading the store is left out on both.

Ours is ``distillery.labelling.ensemble.predict``: besides the mean it gives each head's spread across views, the views'
agreement, a regression's variance and the first view alone. ttach's ``ClassificationTTAWrapper`` gives the mean alone,
of one output alone: in the case of six heads its network joins their probabilities into one tensor, which leaves the
mean of a regression's chances rather than of its numbers. That is less work than ours.

Cases: views that both make with their own transforms (the image and its mirror; three brightnesses, which ours clamps
to what an image can hold and ttach does not), and the six views of params.yaml, which ttach has not: there its
transform is written as a user would write it, with torchvision's ``affine`` inside ttach's ``Compose``. ttach's own
``Scale`` is left out: it changes the size of what the network sees, and ours keeps it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
import ttach
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import affine

from benchmarks.peers.alternating import Row, seconds
from benchmarks.peers.setting import HEAD, begin, make_network, make_pixels
from distillery.heads import Detection, Head, Heads, Regression
from distillery.labelling.ensemble import predict
from distillery.labelling.views import View
from distillery.networks.multihead import MultiHead
from distillery.params import Params

PASSES = 9
SIZE = 64
BACKBONES = ("compact", "mobilenet_v3_small")
DARKER, BRIGHTER = 0.9, 1.1


class Moved(ttach.base.ImageOnlyTransform):
    """The views of params.yaml in ttach: one transform with a view as its parameter."""

    def __init__(self, views: Sequence[View]) -> None:
        super().__init__("view", views)

    def apply_aug_image(self, image: Tensor, view: View, **_: object) -> Tensor:
        match view.kind:
            case "identity":
                return image
            case "flip":
                return image.flip(3)
            case "shift":
                assert isinstance(view.amount, tuple)
                return _affine(image, translate=[round(part * image.shape[-1]) for part in view.amount])
        assert isinstance(view.amount, float)
        match view.kind:
            case "scale":
                return _affine(image, scale=view.amount)
            case "rotation":
                return _affine(image, angle=-view.amount)
            case other:
                raise ValueError(f"view {other!r} is not written for ttach")


def measure() -> Iterator[Row]:
    """A row for each network and case."""
    params = begin()
    one = {HEAD: params.heads[HEAD]}
    six = [View(view.kind, view.amount) for view in params.predictions.views]
    bright = [View("identity"), View("brightness", DARKER), View("brightness", BRIGHTER)]
    cases: dict[str, tuple[Heads, list[View], ttach.base.BaseTransform]] = {
        "image and mirror, one head": (one, [View("identity"), View("flip")], ttach.HorizontalFlip()),
        "three brightnesses, one head": (one, bright, ttach.Multiply([DARKER, BRIGHTER])),
        f"{len(six)} views of params.yaml, one head": (one, six, Moved(six)),
        f"{len(six)} views of params.yaml, {len(params.heads)} heads": (params.heads, six, Moved(six)),
    }
    for backbone in BACKBONES:
        for name, (heads, views, transform) in cases.items():
            network = make_network(params, heads, backbone=backbone).eval()
            rates = _rates(params, network, heads, views, transform)
            yield {
                "group": "inference",
                "case": f"{backbone}, {name}",
                "against": "ttach",
                "unit": "images a second",
                "value": rates["ours"],
                "reference": rates["ttach"],
                "ratio": rates["ours"] / rates["ttach"],
                "note": f"each image {len(views)} times through the network; without views: {rates['bare']:.0f}",
            }


def _rates(
    params: Params, network: MultiHead, heads: Heads, views: Sequence[View], transform: ttach.base.BaseTransform
) -> dict[str, float]:
    section = params.predictions
    pixels = torch.from_numpy(make_pixels(section.batch, SIZE))
    wrapped = ttach.ClassificationTTAWrapper(Joined(network, heads), ttach.Compose([transform]), merge_mode="mean")

    @torch.inference_mode()
    def theirs(model: nn.Module) -> None:
        images = pixels.permute(0, 3, 1, 2).float().div_(255)
        with torch.autocast("cpu", torch.bfloat16, enabled=section.bf16):
            model(images)

    sides: Mapping[str, Callable[[], object]] = {
        "ours": lambda: predict(network, heads, pixels, views, bf16=section.bf16),
        "ttach": lambda: theirs(wrapped),
        "bare": lambda: theirs(network),
    }
    return {name: section.batch / taken for name, taken in seconds(sides, passes=PASSES).items()}


class Joined(nn.Module):
    """Our network with the probabilities of all heads side by side: [batch, outputs of all heads]."""

    def __init__(self, network: MultiHead, heads: Heads) -> None:
        super().__init__()
        self._network = network
        self._heads = heads

    def forward(self, images: Tensor) -> Tensor:
        logits = self._network(images)
        return torch.cat([_chances(head, logits[name]) for name, head in self._heads.items()], dim=1)


def _chances(head: Head, logits: Tensor) -> Tensor:
    match head:
        case Detection():
            return logits.sigmoid()
        case Regression(bins=None):
            return logits
        case _:
            return logits.softmax(dim=1)


def _affine(image: Tensor, *, angle: float = 0.0, translate: Sequence[int] = (0, 0), scale: float = 1.0) -> Tensor:
    return affine(image, angle, list(translate), scale, [0.0], interpolation=InterpolationMode.BILINEAR)
