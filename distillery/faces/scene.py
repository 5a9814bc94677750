"""What surrounds a face in one image: lamps, the room behind, and where the head is held."""

from dataclasses import dataclass

import numpy as np

from distillery.faces.camera import Camera
from distillery.faces.colour import linear

YAW, PITCH, ROLL = 25.0, 15.0, 12.0  # degrees, the most a head turns
WARM = np.array([0.30, 0.02, -0.40])  # what one step of warmth adds to red, green and blue light


@dataclass(frozen=True, kw_only=True)
class Light:
    """Linear RGB of the lamp and of the light from above and below; direction: a unit vector to the lamp."""

    direction: np.ndarray
    key: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    shadow: float  # 0 none .. 1 black


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Angles in degrees; lengths in head heights."""

    yaw: float
    pitch: float
    roll: float
    half_height: float
    shift_x: float
    shift_z: float


def sample_light(rng: np.random.Generator, *, camera: Camera) -> Light:
    """The lamp stands where the camera's mean direction and spread put it."""
    azimuth = np.deg2rad(rng.normal(camera.light_azimuth, camera.light_azimuth_spread))
    elevation = np.deg2rad(np.clip(rng.normal(camera.light_elevation, camera.light_elevation_spread), -20, 80))
    tint = np.clip(1 + WARM * rng.normal(camera.light_warmth, camera.light_warmth_spread), 0.3, 1.7)
    ambient = camera.ambient * rng.uniform(0.85, 1.15)
    direction = np.array([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
    key = camera.light_strength * rng.uniform(0.85, 1.15) * tint
    return Light(
        direction=direction,
        key=key,
        sky=1.15 * ambient * tint**0.5,
        ground=0.6 * ambient * tint**0.5,
        shadow=camera.shadow,
    )


def sample_pose(rng: np.random.Generator, *, camera: Camera) -> Pose:
    """Angles are cut at the most a head turns."""
    spreads = (camera.yaw_spread, camera.pitch_spread, camera.roll_spread)
    yaw, pitch, roll = (
        float(np.clip(rng.normal(0, s), -most, most)) for s, most in zip(spreads, (YAW, PITCH, ROLL), strict=True)
    )
    half = camera.half_height * (1 + camera.zoom_spread * float(np.clip(rng.normal(), -2, 2)))
    shift_x, shift_z = camera.shift_spread * np.clip(rng.normal(size=2), -2, 2)
    return Pose(yaw=yaw, pitch=pitch, roll=roll, half_height=half, shift_x=float(shift_x), shift_z=float(shift_z))


def sample_background(rng: np.random.Generator, *, camera: Camera, side: int) -> np.ndarray:
    """Linear light float64 [side, side, 3]: a wall with a soft gradient, and before it a few blurred things."""
    from PIL import Image, ImageDraw

    wall = 255 * np.clip(camera.background + 0.06 * rng.normal() + 0.02 * rng.normal(size=3), 0.02, 0.98)
    image = Image.new("RGB", (16, 16), tuple(int(value) for value in wall))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(4, 9)) if camera.clutter > 0 else 0):
        colour = np.clip(wall + camera.clutter * (rng.uniform(-150, 150) + rng.uniform(-45, 45, size=3)), 5, 250)
        left, top = rng.integers(-4, 14, size=2)
        width, height = rng.integers(2, 9, size=2)
        draw.rectangle(
            [int(left), int(top), int(left + width), int(top + height)], fill=tuple(int(value) for value in colour)
        )
    blurred = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), float)
    slope = rng.uniform(-0.12, 0.12, size=2)
    axis = np.linspace(-1, 1, side)
    return linear(blurred) * (1 + slope[0] * axis[:, None, None] + slope[1] * axis[None, :, None])
