"""The params of an inference as the library takes them."""

from torch import nn

from distillery.labelling.predictor import Inference
from distillery.labelling.views import View
from distillery.params import inference as sections
from tasks.support.machine import use_bf16


def inference(section: sections.Inference, device: str, network: nn.Module) -> Inference:
    """Views, batch and precision of a section."""
    return Inference(
        views=[View(view.kind, view.amount) for view in section.views],
        batch=None if section.batch == "auto" else section.batch,
        together=section.together,
        bf16=use_bf16(section.bf16, device, network),
        compile=section.compile,
        device=device,
    )
