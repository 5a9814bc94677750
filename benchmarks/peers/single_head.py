"""The network of a peer that knows one classification head."""

import torch
from torch import nn

from benchmarks.setting import params
from distillery.heads import Heads, names
from distillery.networks.backbones import make_backbone

HEAD = "expression"


def one_head() -> Heads:
    """The head, as ours expects it."""
    return {HEAD: params().distilled[HEAD]}


def class_count() -> int:
    return len(names(params().distilled[HEAD]))


def layers(backbone: str) -> nn.Sequential:
    """The layers of our network in a row: backbone, dropout, linear; from normalised images to logits."""
    section = params().network
    body, features = make_backbone(backbone, width=section.width, size=params().images.size)
    made = nn.Sequential(body, nn.Dropout(params().teacher.dropout), nn.Linear(features, class_count()))
    return made.to(memory_format=torch.channels_last)
