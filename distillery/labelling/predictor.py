"""Images of the store through a network, a batch at a time; the batch finds its own size where a device can say no."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch.fx.experimental.optimization import fuse

from distillery.errors import DistilleryError
from distillery.heads import LearntHeads
from distillery.images.store import ImageStore
from distillery.labelling.ensemble import Answers, Ensembled, answer, combine, join
from distillery.labelling.views import View
from distillery.networks.compiled import compiled
from distillery.networks.multihead import Forward, MultiHead

FIRST = 256  # images of the first batch that looks for its size
LARGEST = 4096
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Inference:
    """How images are predicted.

    Attributes:
        batch: images an upload; None doubles it until the device's memory is full. A CPU's stays at its first size:
            its memory says no by killing the process, and larger batches are not faster there.
        together: views a forward pass.
        compile: the network by torch.compile, its weights frozen into it.
    """

    views: Sequence[View]
    batch: int | None
    together: int
    bf16: bool
    compile: bool
    device: str


class Predictor:
    """Predicts with a batch that is halved when memory runs out, and stays so; the results do not depend on it."""

    def __init__(self, network: MultiHead, heads: LearntHeads, store: ImageStore, how: Inference) -> None:
        # Batch normalisation is a linear map once training is over: folded into the convolution before it, it is free.
        folded = fuse(network.eval())
        folded.to(device=how.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network: Forward = compiled(folded, freezing=True) if how.compile else folded
        self._heads, self._store, self._how = heads, store, how
        self.batch = how.batch or FIRST
        self._grows = how.batch is None and how.device == "cuda"

    def predict(self, images: pl.Series) -> Iterator[dict[str, Ensembled]]:
        """Predict images of the store by all views, in order, a batch at a time.

        Raises:
            DistilleryError: not even one image fits into memory.
        """
        for found in self.answer(images, self._how.views):
            yield {name: combine(head, found[name]) for name, head in self._heads.items()}

    def answer(self, images: pl.Series, views: Sequence[View]) -> Iterator[dict[str, Answers]]:
        """What each of some views says, a batch of images at a time.

        Raises:
            DistilleryError: not even one image fits into memory.
        """
        positions = self._store.positions(images)
        start = 0
        while start < len(positions):
            wanted = positions[start : start + self.batch]
            try:
                found = self._answer(wanted, views)
            except (MemoryError, RuntimeError) as error:
                self._halve(error)
                continue
            yield found
            start += len(wanted)
            if self._grows and len(wanted) == self.batch:
                self.batch = min(2 * self.batch, LARGEST)

    def answer_all(self, images: pl.Series, views: Sequence[View]) -> dict[str, Answers]:
        """The same of all images at once, on the CPU."""
        parts = [{name: each.cpu() for name, each in batch.items()} for batch in self.answer(images, views)]
        return {name: join([part[name] for part in parts], dim=1) for name in self._heads}

    def _answer(self, positions: np.ndarray, views: Sequence[View]) -> dict[str, Answers]:
        how, count = self._how, len(positions)
        if how.compile:  # the last, smaller batch would be compiled anew
            positions = np.pad(positions, (0, self.batch - count), mode="edge")
        pixels = self._store.gather(positions, pin=how.device == "cuda").to(how.device, non_blocking=True)
        found = answer(self._network, self._heads, pixels, views, bf16=how.bf16, together=how.together)
        return {name: result.first(count) for name, result in found.items()}

    def _halve(self, error: Exception) -> None:
        if not _is_out_of_memory(error):
            raise error
        if self.batch == 1:
            raise DistilleryError("not even one image fits into memory: take a smaller network or image") from error
        self.batch //= 2
        self._grows = False
        log.warning("out of memory: going on with batches of %d images", self.batch)
        if self._how.device == "cuda":
            torch.cuda.empty_cache()


def _is_out_of_memory(error: Exception) -> bool:
    # On a CPU torch's allocator raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
