import threading
from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest
import torch

from distillery.images.store import ImageStore
from distillery.training.batches import BatchPlan
from distillery.training.examples import Examples
from distillery.training.loading import AHEAD, load_batches


@pytest.fixture
def load(store: ImageStore, examples: Examples) -> Callable:
    plan = BatchPlan({"all": np.arange(8)}, {"all": 1.0}, batch=4, seed=0)

    def start(steps: range, workers: int):
        return load_batches(store, examples, plan, steps, workers=workers, device=torch.device("cpu"))

    return start


def test_workers_give_the_same_batches_in_the_same_order(load: Callable):
    for (pixels, cells), (wanted, labels) in zip(load(range(3, 20), 3), load(range(3, 20), 0), strict=True):
        assert torch.equal(pixels, wanted)
        assert all(torch.equal(cells.labels[name], labels.labels[name]) for name in labels.labels)


def test_workers_read_only_so_far_ahead(load: Callable, store: ImageStore, monkeypatch):
    read: list[int] = []
    gather = store.gather
    monkeypatch.setattr(store, "gather", lambda rows, **how: (read.append(len(rows)), gather(rows, **how))[1])
    with closing(load(range(100), 2)) as batches:
        next(batches)
    assert len(read) <= 2 * AHEAD + 1


def test_left_in_the_middle_no_thread_stays(load: Callable):
    with closing(load(range(100), 2)) as batches:
        next(batches)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loading")]
