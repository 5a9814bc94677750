from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from distillery.heads import Heads
from distillery.images.transforms import to_float
from distillery.labelling.ensemble import predict
from distillery.labelling.views import View, align, apply_view
from distillery.networks.multihead import decode_logits

VIEWS = [View("identity"), View("flip"), View("scale", 0.8), View("rotation", 20.0), View("brightness", 0.6)]


@pytest.fixture
def network(make_network: Callable) -> nn.Module:
    """Weights large enough that views disagree."""
    network = make_network().eval()
    with torch.no_grad():
        for head in network.heads.values():
            head.weight.mul_(8)
    return network


@pytest.fixture
def uint8(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels)


def test_mean_std_agreement_and_variance_against_numpy(network, heads: Heads, uint8: Tensor):
    found = predict(network, heads, uint8, VIEWS, bf16=False)
    by_view, own = {name: [] for name in heads}, []
    with torch.no_grad():
        for view in VIEWS:
            logits = network(apply_view(view, to_float(uint8)))
            decoded = {name: decode_logits(head, logits[name]) for name, head in heads.items()}
            for name, value in align(view, heads, {name: pair[0] for name, pair in decoded.items()}).items():
                by_view[name].append(value.numpy())
            own.append(decoded["years"][1].numpy())
    for name in heads:
        values = np.stack(by_view[name])
        np.testing.assert_allclose(found[name].mean, values.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(found[name].std, values.std(axis=0), atol=1e-4)
        np.testing.assert_allclose(found[name].single, values[0], atol=1e-5)
    mood, units, place = (np.stack(by_view[name]) for name in ("mood", "units", "place"))
    agreeing = (mood.argmax(axis=2) == mood.mean(axis=0).argmax(axis=1)).mean(axis=0)
    assert agreeing.min() < 1
    np.testing.assert_allclose(found["mood"].agreement, agreeing)
    np.testing.assert_allclose(found["units"].agreement, ((units >= 0.5) == (units.mean(axis=0) >= 0.5)).mean(axis=0))
    years = np.stack(by_view["years"]).var(axis=0) + np.mean(own, axis=0)
    np.testing.assert_allclose(found["years"].variance, years, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found["place"].variance, place.var(axis=0), atol=1e-4)
    assert found["years"].agreement is found["mood"].variance is None


def test_one_view_has_no_spread_and_agrees_with_itself(network, heads: Heads, uint8: Tensor):
    found = predict(network, heads, uint8, [View("identity")], bf16=False)
    assert all(found[name].std.abs().max() == 0 for name in heads)
    assert found["mood"].agreement.min() == found["units"].agreement.min() == 1
    assert torch.equal(found["place"].mean, found["place"].single)


class _Sides(nn.Module):
    """Sees brightness by thirds: its element 'left' is the left third's, and so on."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"units": images.mean(dim=(1, 2)).unflatten(1, (3, -1)).mean(dim=2) * 8 - 4}


def test_what_is_seen_on_the_left_stays_left_through_a_flip(heads: Heads):
    pixels = torch.zeros(1, 6, 12, 3, dtype=torch.uint8)
    pixels[:, :, :4] = 255
    only = {"units": heads["units"]}
    for views in ([View("identity")], [View("flip")], [View("identity"), View("flip")]):
        found = predict(_Sides(), only, pixels, views, bf16=False)["units"]
        assert (found.mean[0] > 0.5).tolist() == [True, False, False]
        assert found.std.max() < 1e-6


def test_the_ensemble_of_an_image_and_its_mirror_is_that_of_the_mirror(network, heads: Heads, uint8: Tensor):
    both = [View("identity"), View("flip")]
    plain = predict(network, heads, uint8, both, bf16=False)
    mirrored = predict(network, heads, uint8.flip(2), both, bf16=False)
    assert torch.allclose(plain["units"].mean, mirrored["units"].mean[:, [2, 1, 0]], atol=1e-5)
    assert torch.allclose(plain["mood"].mean, mirrored["mood"].mean, atol=1e-5)
    assert not torch.allclose(plain["units"].single, mirrored["units"].single, atol=1e-3)
