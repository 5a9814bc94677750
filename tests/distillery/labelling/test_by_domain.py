from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from distillery.errors import DistilleryError
from distillery.heads import Heads
from distillery.images.shards import write_shard
from distillery.images.store import ImageStore
from distillery.images.transforms import to_float
from distillery.labelling.adaptive import Adaptive
from distillery.labelling.by_domain import PRIOR, with_statistics_of
from distillery.labelling.ensemble import predict
from distillery.labelling.inference import STOPPING, predict_shards
from distillery.labelling.predictor import Inference
from distillery.labelling.views import View
from distillery.networks.multihead import MultiHead
from distillery.tables import read_metadata, read_table

VIEWS = [View("identity"), View("flip"), View("rotation", 9.0), View("rotation", -9.0)]
HOW = Inference(views=VIEWS, batch=64, together=1, bf16=False, compile=False, device="cpu")
IMAGES = 200


@pytest.fixture
def pixels() -> np.ndarray:
    """Bright and dark by turns: domains ``bright`` and ``dark``."""
    noise = np.random.default_rng(0).integers(0, 100, (IMAGES, 16, 16, 3), dtype=np.uint8)
    noise[::2] += 150
    return noise


@pytest.fixture
def store(tmp_path: Path, pixels: np.ndarray) -> ImageStore:
    named = ((f"i{index}", image) for index, image in enumerate(pixels))
    write_shard(tmp_path / "many/00000.arrow", named, size=16, quality=None, fingerprint="")
    return ImageStore(tmp_path / "many")


@pytest.fixture
def wanted(heads: Heads) -> pl.DataFrame:
    names = {"image": [f"i{index}" for index in range(IMAGES)], "domain": ["bright", "dark"] * (IMAGES // 2)}
    return pl.DataFrame({**names, **{name: [True] * IMAGES for name in heads}})


def _first_batch_norm(network: MultiHead) -> torch.nn.BatchNorm2d:
    return next(layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d))


def test_statistics_are_the_images_own_and_the_trainings_as_far_as_they_count(make_network, store, pixels, wanted):
    network = make_network()
    dark = wanted.filter(pl.col("domain") == "dark")["image"]
    seen: list[torch.Tensor] = []
    before = _first_batch_norm(network).running_mean.clone()
    hook = _first_batch_norm(network).register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.no_grad():
        network.eval()(to_float(torch.from_numpy(pixels[1::2])))
    hook.remove()
    found = _first_batch_norm(with_statistics_of(dark, network, store, HOW))
    share = PRIOR / (PRIOR + len(dark))
    assert torch.allclose(found.running_mean, seen[0].mean(dim=(0, 2, 3)) * (1 - share) + before * share, atol=1e-5)
    assert torch.equal(_first_batch_norm(network).running_mean, before)
    assert not found.training


def test_each_row_is_predicted_by_its_own_domains_network_in_its_place(make_network, heads, store, wanted, tmp_path):
    folder = tmp_path / "predictions"
    folder.mkdir()
    predict_shards(
        make_network(), heads, store, wanted, folder, how=HOW, shard=60, provenance={}, progress=lambda _: None,
        by_domain=True,
    )  # fmt: skip
    found = read_table(folder)
    assert found["image"].equals(wanted["image"])
    for number, domain in enumerate(("bright", "dark")):
        images = wanted.filter(pl.col("domain") == domain)["image"]
        own = with_statistics_of(images, make_network(), store, HOW)
        direct = predict(own, heads, store.gather(np.arange(number, IMAGES, 2)), VIEWS, bf16=False)
        for name in heads:
            np.testing.assert_allclose(np.stack(found[name])[number::2], direct[name].mean, atol=1e-4)
    plain = predict(make_network().eval(), heads, store.gather(np.arange(IMAGES)), VIEWS, bf16=False)
    assert np.abs(np.stack(found["place"]) - plain["place"].mean.numpy()).max() > 1e-3


def test_views_are_saved_in_each_domain_by_its_own_pilot_and_a_lost_shard_has_the_same_bytes(
    make_network: Callable, heads, store, wanted, tmp_path
):
    folder = tmp_path / "predictions"
    folder.mkdir()

    def run() -> dict[str, bytes]:
        predict_shards(
            make_network(), heads, store, wanted, folder, how=HOW, shard=60, provenance={}, progress=lambda _: None,
            by_domain=True, adaptive=Adaptive(same=0.9, pilot=50, around={}),
        )  # fmt: skip
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    before = run()
    (folder / "00002.parquet").unlink()
    assert run() == before
    note = read_metadata(folder / "00002.parquet")[STOPPING]
    assert note.startswith("bright: views") and "; dark: views" in note
    assert read_table(folder)["views"].min() < len(VIEWS)


def test_a_network_without_batch_normalisation_has_nothing_to_change(heads: Heads, store, wanted):
    network = MultiHead(heads, backbone="vit_b_16", width=1.0, size=16)
    with pytest.raises(DistilleryError, match=r"predictions\.statistics: this backbone has no batch normalisation"):
        with_statistics_of(wanted["image"], network, store, HOW)
