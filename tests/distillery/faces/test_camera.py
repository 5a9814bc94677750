from dataclasses import replace

import numpy as np
import pytest

from distillery.faces.blur import gaussian_blur
from distillery.faces.camera import Camera, expose
from distillery.faces.colour import display, linear

SIDE = 32


@pytest.fixture
def scene() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.05, 0.9, size=(SIDE, SIDE, 3))


def _shoot(scene: np.ndarray, camera: Camera) -> np.ndarray:
    return expose(scene, camera=camera, rng=np.random.default_rng(1)).astype(float)


def test_a_plain_camera_only_encodes_light(scene: np.ndarray, camera: Camera):
    assert np.array_equal(_shoot(scene, camera), np.rint(display(scene) * 255))


def test_a_stop_doubles_the_light(scene: np.ndarray, camera: Camera):
    assert np.array_equal(_shoot(scene, replace(camera, exposure=1.0)), np.rint(display(2 * scene) * 255))


def test_monochrome_is_grey_and_sepia_is_brown(scene: np.ndarray, camera: Camera):
    grey, brown = (
        _shoot(scene, replace(camera, monochrome=1.0)),
        _shoot(scene, replace(camera, monochrome=1.0, sepia=1.0)),
    )
    assert np.ptp(grey, axis=2).max() <= 1
    assert np.all(brown[..., 0].mean() > brown[..., 1].mean() > brown[..., 2].mean())


@pytest.mark.parametrize("change", [{"noise": 0.1}, {"grain": 0.1}, {"halftone": 1.0}, {"contrast": 1.8}])
def test_texture_and_contrast_add_variance_to_a_smooth_scene(camera: Camera, change: dict[str, float]):
    slope = np.broadcast_to(np.linspace(0.1, 0.6, SIDE)[:, None, None], (SIDE, SIDE, 3))
    assert _shoot(slope, replace(camera, **change)).var() > 1.05 * _shoot(slope, camera).var()


@pytest.mark.parametrize("change", [{"gamma": 1.5}, {"vignette": 0.6}, {"paper": 0.8}])
def test_these_darken(scene: np.ndarray, camera: Camera, change: dict[str, float]):
    assert _shoot(scene, replace(camera, **change)).mean() < _shoot(scene, camera).mean() - 3


def test_strong_compression_loses_more(scene: np.ndarray, camera: Camera):
    plain = _shoot(scene, camera)
    losses = [np.abs(_shoot(scene, replace(camera, jpeg_quality=quality)) - plain).mean() for quality in (95.0, 20.0)]
    assert 0 < losses[0] < losses[1]


def test_blur_keeps_the_sum_and_spreads_a_point_by_sigma():
    point = np.zeros((41, 41, 1))
    point[20, 20] = 1
    spread = gaussian_blur(point, 2.0)[..., 0]
    assert spread.sum() == pytest.approx(1)
    assert (spread.sum(axis=1) * (np.arange(41) - 20) ** 2).sum() == pytest.approx(4, rel=0.05)


def test_display_inverts_linear():
    assert display(linear((10, 128, 250))) * 255 == pytest.approx([10, 128, 250])
