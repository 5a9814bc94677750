"""The ensemble over views against its limit, the bare forward passes of the same number of images."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import torch

from benchmarks.rows import Act, Row, compare, compare_many
from benchmarks.setting import bf16, network, params, store
from distillery.images.transforms import to_float
from distillery.labelling.predictor import Inference, Predictor
from distillery.labelling.views import View
from distillery.networks.multihead import MultiHead

IMAGES = 1024


def measure() -> Iterator[Row]:
    """Rows of the groups ``inference``, ``views`` and ``inference parts``; an image counts once a view."""
    views = [View(view.kind, view.amount) for view in params().predictions.views]
    for backbone, size in (("compact", 64), ("mobilenet_v3_small", 64)):
        bare = bare_forward(network(backbone), size, len(views))
        for compiled in (False, True):
            case = f"{backbone}, {size} px, {len(views)} views{', compiled' if compiled else ''}"
            ours = stage(network(backbone), size, views, compiled=compiled)
            yield compare("inference", case, ours, bare, against="bare forward")
    made = network()
    kinds = (View("identity"), View("flip"), View("scale", 0.93), View("shift", (0.04, 0.0)), View("rotation", 6.0))
    kinds = (*kinds, View("brightness", 1.2), View("contrast", 1.2), View("grey", 1.0), View("blur", 0.5))
    yield from compare_many("views", {view.kind: stage(made, 64, [view]) for view in kinds}, against="identity")
    variants = {f"batch {size}": stage(made, 64, views, batch=size) for size in (32, 64, 128, 256, 512)}
    variants |= {"three views a forward pass": stage(made, 64, views, together=3)}
    yield from compare_many("inference parts", variants, against="batch 256", passes=3)


def stage(
    made: MultiHead,
    size: int,
    views: list[View],
    *,
    batch: int | None = None,
    together: int = 1,
    compiled: bool = False,
) -> Act:
    """What the stage does for an image but for writing the table."""
    how = Inference(
        views=views, batch=batch, together=together, bf16=bf16(made), compile=compiled, device=params().device
    )
    predictor = Predictor(made, params().distilled, store(size), how)
    names = pl.Series([str(index) for index in range(IMAGES)])

    def act() -> int:
        for _ in predictor.predict(names):
            pass
        return IMAGES * len(views)

    return act


def bare_forward(made: MultiHead, size: int, views: int, *, batch: int = 256) -> Act:
    """Forward passes alone, on one batch that is in memory."""
    made.eval()
    half = bf16(made)
    images = to_float(store(size).gather(np.arange(batch))).to(params().device)

    @torch.inference_mode()
    def act() -> int:
        for _ in range(views * IMAGES // batch):
            with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
                made(images)
        return IMAGES * views

    return act
