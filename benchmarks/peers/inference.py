"""Our ensemble of views against ttach's: views a second, the same network, views, batch and dtype.

In a pass both sides take one batch of stored pixels (uint8 in memory), make them float, run every view through the
network under bf16 in inference mode and merge the views' probabilities. Reading the store is left out on both.

Ours is ``distillery.labelling.ensemble.predict`` on the folded network, as the stage runs it: besides the mean it gives
each head's spread across views, the views' agreement, a regression's variance and the first view alone. ttach's
``ClassificationTTAWrapper`` gives the mean alone, of one output alone: in the case of six heads its network joins their
probabilities into one tensor, which leaves the mean of a regression's chances rather than of its numbers. That is less
work than ours. ``compiled``: ours as with ``compile: true``, ttach's around a network that its user compiled. ``bare
forward``: the folded network on the float batch once a view and nothing else, what no ensemble of such batches can
pass without another network.

Cases: views that both make with their own transforms (the image and its mirror; three brightnesses, which ours clamps
to what an image can hold and ttach does not), and the six views of params.yaml, which ttach has not: there its
transform is written as a user would write it, with torchvision's ``affine`` inside ttach's ``Compose``. ttach's own
``Scale`` is left out: it changes the size of what the network sees, and ours keeps it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
import ttach
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import affine

from benchmarks.peers.alternating import seconds
from benchmarks.peers.single_head import one_head
from benchmarks.rows import Row, row
from benchmarks.setting import bf16, network, params, store
from distillery.heads import Detection, Head, Heads, Regression
from distillery.images.transforms import to_float
from distillery.labelling.ensemble import predict
from distillery.labelling.views import View
from distillery.networks.compiled import compiled
from distillery.networks.multihead import Forward, MultiHead

PASSES = 9
SIZE, BATCH = 64, 256
BACKBONES = ("compact", "mobilenet_v3_small")
DARKER, BRIGHTER = 0.9, 1.1
COMPILED, LIMIT = ", compiled", ", bare forward"
PAIRS = (
    ("ours", "ttach"),
    (f"ours{COMPILED}", "ttach"),
    (f"ours{COMPILED}", f"ttach{COMPILED}"),
    (LIMIT, "ttach"),
)


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
    """A row of the group ``peers: inference`` for each network and case."""
    every, one = params().distilled, one_head()
    six = [View(view.kind, view.amount) for view in params().predictions.views]
    bright = [View("identity"), View("brightness", DARKER), View("brightness", BRIGHTER)]
    cases: dict[str, tuple[Heads, list[View], ttach.base.BaseTransform]] = {
        "image and mirror, one head": (one, [View("identity"), View("flip")], ttach.HorizontalFlip()),
        "three brightnesses, one head": (one, bright, ttach.Multiply([DARKER, BRIGHTER])),
        f"{len(six)} views of params.yaml, one head": (one, six, Moved(six)),
        f"{len(six)} views of params.yaml, {len(every)} heads": (every, six, Moved(six)),
    }
    for backbone in BACKBONES:
        for name, (heads, views, transform) in cases.items():
            sides = _sides(network(backbone, heads).eval(), heads, views, transform)
            times = seconds(sides, passes=PASSES)
            rates = {side: BATCH * len(views) / taken for side, taken in times.items()}
            for side, other in PAIRS:
                yield row(
                    "peers: inference",
                    f"{backbone}, {name}{side.removeprefix('ours')}",
                    rates[side],
                    unit="views/s",
                    against=other,
                    reference=rates[other],
                )


def _sides(
    made: MultiHead, heads: Heads, views: Sequence[View], transform: ttach.base.BaseTransform
) -> dict[str, Callable[[], object]]:
    together = params().predictions.together
    pixels = store(SIZE).gather(np.arange(BATCH))
    joined = Joined(made, heads)

    def wrap(network: nn.Module) -> nn.Module:
        return ttach.ClassificationTTAWrapper(network, ttach.Compose([transform]), merge_mode="mean")

    half = bf16(made)
    folded = fuse(made.eval()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as the stage does

    def ours(forward: Forward) -> object:
        return predict(forward, heads, pixels, views, bf16=half, together=together)

    @torch.inference_mode()
    def theirs(tta: nn.Module) -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            return tta(to_float(pixels))

    @torch.inference_mode()
    def bare(images: Tensor) -> None:
        for _ in views:
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                folded(images)

    return {
        "ours": partial(ours, folded),
        LIMIT: partial(bare, to_float(pixels)),
        "ttach": partial(theirs, wrap(joined)),
        f"ours{COMPILED}": partial(ours, compiled(folded, freezing=True)),
        f"ttach{COMPILED}": partial(theirs, wrap(torch.compile(joined))),
    }


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
