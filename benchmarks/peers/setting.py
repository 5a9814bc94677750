"""What both sides share: parameters, images, labels and networks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from distillery.heads import Heads, names
from distillery.images.cells import Cells
from distillery.images.store import ImageStore, write_store
from distillery.networks.backbones import make_backbone
from distillery.networks.multihead import MultiHead
from distillery.params import Params
from tasks.support.command import limit_threads, read_params

HEAD = "expression"  # the classification head where a peer knows one head only


@dataclass(frozen=True, kw_only=True)
class Work:
    """A network and how much of it a pass is: ``steps`` batches of images of ``size``, ``passes`` times."""

    backbone: str
    size: int
    steps: int
    passes: int


def begin() -> Params:
    """The committed parameters; torch on as many threads as they say."""
    params = read_params()
    limit_threads(params.threads)
    torch.manual_seed(params.seed)
    return params


def make_pixels(count: int, size: int) -> np.ndarray:
    """Noise as decoded images: uint8 [count, size, size, 3]. No step's time depends on what an image shows."""
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def make_store(folder: Path, pixels: np.ndarray) -> ImageStore:
    """The images as the stage ``images`` leaves them."""
    path = folder / f"images-{pixels.shape[1]}.arrow"
    write_store(path, ((str(index), image) for index, image in enumerate(pixels)), size=pixels.shape[1])
    return ImageStore(path)


def make_cells(heads: Heads, count: int) -> Cells:
    """Every cell labelled with something its head allows."""
    generator = torch.Generator().manual_seed(0)
    labels: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}
    for name, head in heads.items():
        width = len(names(head))
        labels[name] = torch.zeros(count, width)
        labels[name][torch.arange(count), torch.randint(width, (count,), generator=generator)] = 1
        weights[name] = torch.ones(count, width) if head.kind == "detection" else torch.ones(count)
    return Cells(labels, weights)


def make_network(params: Params, heads: Heads, *, backbone: str = "compact", channels_last: bool = True) -> MultiHead:
    """Ours, with the width and dropout of params.yaml."""
    network = MultiHead(heads, backbone=backbone, width=params.network.width, dropout=params.network.dropout)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return network.to(memory_format=layout)


def make_single_head(params: Params, *, backbone: str, classes: int) -> nn.Sequential:
    """The same layers as one sequence from normalised images to logits, as peers expect a network to be."""
    body, features = make_backbone(backbone, width=params.network.width, pretrained=False)
    network = nn.Sequential(body, nn.Dropout(params.network.dropout), nn.Linear(features, classes))
    return network.to(memory_format=torch.channels_last)
