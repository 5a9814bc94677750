"""Batches from the store to the device: in the loop itself, or ahead of it by threads, in the same order."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from distillery.images.cells import Cells
from distillery.images.store import ImageStore
from distillery.training.batches import BatchPlan
from distillery.training.examples import Examples

Batch = tuple[Tensor, Cells]
AHEAD = 2  # batches that wait for each worker


def load_batches(
    store: ImageStore, examples: Examples, plan: BatchPlan, steps: range, *, workers: int, device: torch.device
) -> Generator[Batch, None, None]:
    """The batches of some steps on the device: pixels uint8 [batch, size, size, 3] and their cells.

    With 0 workers a batch is read when the loop asks for it: best where the network itself keeps every core of a CPU
    busy. Threads pay for a GPU and for encoded stores; decoding and copying leave Python's lock to the loop.
    """

    def load(rows: np.ndarray) -> Batch:
        pixels = store.gather(examples.positions[rows], pin=device.type == "cuda")
        return pixels, examples.cells.rows(torch.from_numpy(rows))

    planned = (plan.rows(step) for step in steps)
    for pixels, cells in _read_ahead(load, planned, workers) if workers else map(load, planned):
        # From page-locked memory the copy runs beside the network's kernels: nobody waits for it.
        yield pixels.to(device, non_blocking=True), cells.to(device)


def _read_ahead(load: Callable[[np.ndarray], Batch], planned: Iterator[np.ndarray], workers: int) -> Iterator[Batch]:
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="loading") as pool:
        try:
            for rows in planned:
                waiting.append(pool.submit(load, rows))
                if len(waiting) > workers * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
