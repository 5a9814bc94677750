import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from distillery.networks.compiled import compiled


def test_nothing_is_unpickled_where_the_same_was_compiled_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    read, unpickled = pickle.loads, []
    monkeypatch.setattr(pickle, "loads", lambda *a, **k: (unpickled.append(1), read(*a, **k))[1])
    layer, images = nn.Linear(4, 3), torch.rand(2, 4)
    for _ in range(2):
        torch._dynamo.reset()
        assert torch.allclose(compiled(layer)(images), layer(images), atol=1e-6)
    assert not unpickled
