"""One camera and one small set of rendered faces, shared by the tests."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from distillery.faces.camera import Camera

if TYPE_CHECKING:
    from distillery.faces.rendering import Series

CAMERA = {
    "light_azimuth": 15.0, "light_azimuth_spread": 10.0, "light_elevation": 30.0, "light_elevation_spread": 5.0,
    "light_strength": 0.8, "light_warmth": 0.0, "light_warmth_spread": 0.05, "ambient": 0.4, "shadow": 0.5,
    "exposure": 0.0, "exposure_spread": 0.0, "monochrome": 0.0, "sepia": 0.0, "contrast": 1.0, "gamma": 1.0, "vignette": 0.0,
    "blur": 0.0, "noise": 0.0, "grain": 0.0, "halftone": 0.0, "paper": 0.0, "jpeg_quality": 0.0, "background": 0.6, "clutter": 0.0,
    "half_height": 0.55, "zoom_spread": 0.0, "shift_spread": 0.0, "yaw_spread": 5.0, "pitch_spread": 3.0, "roll_spread": 3.0,
}  # fmt: skip


@pytest.fixture(scope="session")
def camera_values() -> dict[str, float]:
    return dict(CAMERA)


@pytest.fixture(scope="session")
def camera(camera_values: dict[str, float]) -> Camera:
    return Camera(**camera_values)


@pytest.fixture(scope="session")
def series(camera: Camera) -> "Series":
    """70 images of 10 people, 32 pixels wide: more than one batch."""
    from distillery.faces.rendering import Series

    return Series(domain="studio", camera=camera, emotions="basic", people=10, images=70, size=32, seed=7)


@pytest.fixture(scope="session")
def faces(series: "Series") -> tuple[np.ndarray, list[dict]]:
    """The pictures and truths of ``series``."""
    from distillery.faces.rendering import render_faces

    batches = list(render_faces(series))
    return np.concatenate([pictures for pictures, _ in batches]), [truth for _, truths in batches for truth in truths]
