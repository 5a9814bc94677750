from collections.abc import Callable

import polars as pl
import pytest
import torch
from torch._inductor import config

from distillery.errors import DistilleryError
from distillery.heads import Heads
from distillery.images.store import ImageStore
from distillery.labelling import predictor as module
from distillery.labelling.ensemble import answer, predict
from distillery.labelling.predictor import Inference, Predictor
from distillery.labelling.views import View
from distillery.networks.multihead import MultiHead

VIEWS = (View("identity"), View("flip"), View("scale", 0.9))
IMAGES = pl.Series([f"i{index}" for index in range(8)])


@pytest.fixture
def make(make_network: Callable, heads: Heads, store: ImageStore) -> Callable[..., Predictor]:
    def start(*, batch: int | None = 3, together: int = 1, compiled: bool = False) -> Predictor:
        how = Inference(views=VIEWS, batch=batch, together=together, bf16=False, compile=compiled, device="cpu")
        return Predictor(make_network(), heads, store, how)

    return start


def _means(predictor: Predictor) -> dict[str, torch.Tensor]:
    found = list(predictor.predict(IMAGES))
    return {name: torch.cat([batch[name].mean for batch in found]) for name in found[0]}


def _close(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)


@pytest.mark.parametrize("together", [2, 3, 5])
def test_views_that_share_a_forward_pass_give_the_same(make: Callable, together: int):
    assert _close(_means(make(together=together)), _means(make()))


def test_compiled_it_gives_the_same_and_the_last_batch_is_cut(make: Callable):
    found = _means(make(compiled=True))
    assert _close(found, _means(make()))
    assert all(len(values) == len(IMAGES) for values in found.values())


def test_without_a_compiler_it_says_what_to_do(make: Callable):
    with (
        config.patch("cpp.cxx", ("no-such-compiler",)),
        pytest.raises(DistilleryError, match=r"there is no C\+\+ compiler.* set 'compile: false'"),
    ):
        _means(make(batch=2, compiled=True))


def test_out_of_memory_the_batch_is_halved_and_the_results_stay(make: Callable, monkeypatch, caplog):
    wanted, sizes = _means(make()), []

    def tight(network, heads, pixels, views, **how):
        sizes.append(len(pixels))
        if len(pixels) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return answer(network, heads, pixels, views, **how)

    monkeypatch.setattr(module, "answer", tight)
    assert _close(_means(make(batch=8)), wanted)
    assert sizes == [8, 4, 2, 2, 2, 2]
    assert "out of memory: going on with batches of 2 images" in caplog.text


def test_where_not_one_image_fits_it_says_so(make: Callable, monkeypatch):
    def never(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(module, "answer", never)
    with pytest.raises(DistilleryError, match="not even one image fits into memory"):
        _means(make())


def test_another_error_is_not_taken_for_a_lack_of_memory(make: Callable, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(module, "answer", broken)
    with pytest.raises(RuntimeError, match="illegal"):
        _means(make())


def test_on_a_cpu_the_batch_that_looks_for_itself_stays_where_it_begins(make: Callable):
    predictor = make(batch=None)
    _means(predictor)
    assert predictor.batch == module.FIRST


@pytest.mark.parametrize("backbone", ["compact", "mobilenet_v3_small", "resnet18", "efficientnet_b0", "vit_b_16"])
def test_folded_for_inference_a_network_answers_the_same_and_stays_as_it_was(
    heads: Heads, store: ImageStore, pixels, backbone: str
):
    torch.manual_seed(0)
    network = MultiHead(heads, backbone=backbone, width=0.25, dropout=0.5, size=16).eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):  # as after training, not as made
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    wanted = predict(network, heads, torch.from_numpy(pixels), VIEWS, bf16=False)
    how = Inference(views=VIEWS, batch=8, together=1, bf16=False, compile=False, device="cpu")
    found = _means(Predictor(network, heads, store, how))
    for name in heads:
        assert torch.allclose(found[name], wanted[name].mean, rtol=1e-3, atol=1e-4)
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())
