"""A camera as flat numbers, and what it does to light on the way to bytes: a domain is one camera."""

import io
from dataclasses import dataclass

import numpy as np

from distillery.faces.blur import gaussian_blur
from distillery.faces.colour import LUMA, display

SEPIA = np.array([1.06, 0.98, 0.84], np.float32)  # tint of an old print, relative to grey


@dataclass(frozen=True, kw_only=True)
class Camera:
    """All fields are floats; a `spread` is the standard deviation between images."""

    light_azimuth: float  # degrees of the lamp to the picture's right of the camera
    light_azimuth_spread: float  # degrees
    light_elevation: float  # degrees above the eyes
    light_elevation_spread: float  # degrees
    light_strength: float  # the lamp on white, relative to full white
    light_warmth: float  # -1 bluish .. 0 neutral .. 1 candle-like
    light_warmth_spread: float
    ambient: float  # light from everywhere, relative to full white
    shadow: float  # 0 none .. 1 black
    exposure: float  # stops
    exposure_spread: float  # stops
    monochrome: float  # chance that an image is grey, 0..1
    sepia: float  # strength of the brown tint of grey images, 0..1
    contrast: float  # slope at middle grey of display values, 1 leaves them
    gamma: float  # exponent on display values, above 1 darkens
    vignette: float  # light lost in the corners, 0..1
    blur: float  # standard deviation in thousandths of the picture's width
    noise: float  # standard deviation of sensor noise, display values 0..1
    grain: float  # standard deviation of film grain (about 2 pixels wide), display values 0..1
    halftone: float  # strength of the printer's dots, 0..1
    paper: float  # strength of the paper's fibres, 0..1
    jpeg_quality: float  # 1..95; 0 leaves the picture uncompressed
    background: float  # display brightness, 0..1
    clutter: float  # contrast of the things behind the person, 0..1
    half_height: float  # half the picture's height at the head, in head heights
    zoom_spread: float  # of half_height, relative
    shift_spread: float  # of the head's place, in head heights
    yaw_spread: float  # degrees
    pitch_spread: float  # degrees
    roll_spread: float  # degrees


def expose(light: np.ndarray, *, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """uint8 picture of linear light; both [side, side, 3]."""
    side = len(light)
    light = light * np.float32(2.0 ** (camera.exposure + camera.exposure_spread * rng.normal()))
    light = gaussian_blur(light * _vignette(side, camera.vignette), camera.blur * side / 1000)
    picture = display(light)
    if rng.random() < camera.monochrome:
        picture = _print_grey(picture, camera.sepia * rng.uniform(0.6, 1.0))
    picture = np.clip(picture, 0, 1) ** camera.gamma
    picture = 0.5 + camera.contrast * (picture - 0.5)
    picture = _texture(picture, camera=camera, rng=rng)
    picture = np.clip(picture + camera.noise * rng.normal(size=picture.shape), 0, 1)
    return _compress(np.rint(picture * 255).astype(np.uint8), int(camera.jpeg_quality))


def _vignette(side: int, strength: float) -> np.ndarray:
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    return (1 - strength * 0.5 * (axis[:, None] ** 2 + axis[None, :] ** 2))[..., None]


def _print_grey(picture: np.ndarray, sepia: float) -> np.ndarray:
    return (picture @ LUMA)[..., None] * (1 + sepia * (SEPIA - 1))


def _texture(picture: np.ndarray, *, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Grain, halftone dots and paper, which act on grey: all three channels alike."""
    side = len(picture)
    grain = gaussian_blur(rng.normal(size=(side, side, 1)), 0.7) * 2.5
    fibres = gaussian_blur(rng.normal(size=(side, side, 1)), 2.0) * 7.0
    row, column = np.mgrid[0:side, 0:side] + rng.uniform(0, 3, size=2)[:, None, None]
    dots = np.sin(1.55 * (row + column)) * np.sin(1.55 * (row - column))  # a screen at 45 degrees, about 3 pixels
    middle = 4 * np.clip(picture, 0, 1) * (1 - np.clip(picture, 0, 1))  # paper white and solid ink show no dots
    picture = picture + camera.grain * grain + 0.25 * camera.halftone * dots[..., None] * middle
    return picture * (1 - camera.paper * np.clip(0.15 + 0.15 * fibres, 0, 1))


def _compress(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture after JPEG, as most photographs come."""
    if quality == 0:
        return picture
    from PIL import Image

    with io.BytesIO() as file:
        Image.fromarray(picture).save(file, format="JPEG", quality=quality)
        return np.array(Image.open(file))
