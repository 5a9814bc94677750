"""Paint on the head: brows, beard, scalp, freckles, blush and folds, drawn on a cylinder around the skull."""

import numpy as np

from distillery.faces.blur import gaussian_blur
from distillery.faces.person import Person

ROWS, COLUMNS = 256, 256
# The cylinder of `kernels.texel`: height of the first and last row, metres in the template's frame.
HIGH, LOW = 0.86, 0.40
AXIS_Y = -0.06
# Hairline: height in metres against the angle from the face's middle, radians. The dip is the sideburn, then the ear.
LINE_ANGLE = (0.0, 0.5, 0.85, 1.02, 1.15, 1.35, 1.6, 2.0, 2.4, 3.2)
LINE_HEIGHT = (0.808, 0.806, 0.796, 0.772, 0.722, 0.715, 0.730, 0.690, 0.655, 0.640)


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Angle in radians (0: the face's middle) and height in metres of every texel, float64 [ROWS, COLUMNS] each."""
    angle = ((np.arange(COLUMNS) + 0.5) / COLUMNS - 0.5) * 2 * np.pi
    height = HIGH - (np.arange(ROWS) + 0.5) / ROWS * (HIGH - LOW)
    return np.meshgrid(angle, height)


def above_hairline(angle: np.ndarray, height: np.ndarray, person: Person) -> np.ndarray:
    """Metres above the hairline, same shape as the inputs."""
    side = np.abs(angle)
    line = np.interp(side, LINE_ANGLE, LINE_HEIGHT)
    if person.style == "bald":
        return height - np.where(side < 1.9, 0.95, np.minimum(line + 0.02, 0.70))
    temple = np.exp(-(((side - 0.55) / 0.28) ** 2))
    retreat = person.recession * (0.018 + 0.022 * temple) * (side < 1.2)
    return height - line - retreat + person.fringe * (side < 0.8)


def paint_skin(person: Person) -> np.ndarray:
    """Linear RGB albedo float32 [ROWS, COLUMNS, 3] of one person."""
    rng = np.random.default_rng(person.paint_seed)
    angle, height = grid()
    fine, coarse = rng.normal(size=angle.shape), 12.0 * gaussian_blur(rng.normal(size=angle.shape), 4.0)
    colour = person.skin * (1 + 0.02 * fine + 0.05 * coarse)[..., None]
    side = np.abs(angle)
    blush = np.exp(-(((side - 0.55) / 0.22) ** 2) - ((height - 0.692) / 0.016) ** 2) + np.exp(
        -((angle / 0.12) ** 2) - ((height - 0.693) / 0.010) ** 2
    )
    colour = colour * (1 - blush[..., None] * np.array([0.02, 0.14, 0.13]))
    spots = (rng.random(angle.shape) < 0.10 * person.freckles) * np.exp(
        -(((height - 0.703) / 0.018) ** 2) - (side / 0.7) ** 2
    )
    colour = colour * (1 - spots[..., None] * np.array([0.25, 0.40, 0.45]))
    socket = np.exp(-(((side - 0.36) / 0.20) ** 2) - ((height - 0.731) / 0.012) ** 2)
    colour = colour * (1 - 0.22 * socket[..., None])
    colour = _over(colour, 0.55 * person.hair + 0.01, _brow(angle, height, person.brow) * (0.9 + 0.1 * fine))
    colour = _over(colour, 0.85 * person.hair, person.beard * _beard(side, height) * np.clip(0.85 + 0.15 * fine, 0, 1))
    strands = 0.9 + 0.16 * np.sin(61 * angle + 9 * height) + 0.12 * np.sin(23 * angle - 25 * height) + 0.10 * fine
    edge = np.clip(above_hairline(angle, height, person) / 0.004 + 0.6 * fine, 0, 1)
    cover = edge * (0.45 if person.style == "bald" else 1.0)
    colour = _over(colour, person.hair * strands[..., None], cover)
    colour = _over(colour, person.shirt, np.clip((0.575 - 0.022 * np.cos(angle) - height) / 0.003, 0, 1))
    return np.clip(colour, 0.002, 1).astype(np.float32)


def paint_folds() -> np.ndarray:
    """Darkness float32 [ROWS, COLUMNS, 4] of four folds: forehead, glabella, nose-to-mouth, eye corners."""
    angle, height = grid()
    side = np.abs(angle)
    forehead = sum(
        _ridge(height - level - 0.003 * np.cos(4 * angle), 0.0014) for level in (0.768, 0.778, 0.788)
    ) * np.exp(-((side / 0.5) ** 4))
    glabella = _ridge(side - 0.075, 0.022) * np.exp(-(((height - 0.749) / 0.010) ** 4))
    path = np.interp(height, [0.655, 0.672, 0.694], [0.47, 0.42, 0.24])
    mouth = _ridge(side - path, 0.030) * (height > 0.652) * (height < 0.697)
    corner = (
        sum(_ridge(height - 0.727 - slope * (side - 0.62), 0.0013) for slope in (-0.06, 0.0, 0.06))
        * (side > 0.62)
        * (side < 0.82)
    )
    bag = _ridge(height - 0.7155 - 0.03 * (side - 0.36) ** 2, 0.0016) * np.exp(-(((side - 0.36) / 0.17) ** 4))
    return np.stack([forehead, glabella, mouth, np.clip(corner + bag, 0, 1)], axis=-1).astype(np.float32)


def _brow(angle: np.ndarray, height: np.ndarray, thickness: float) -> np.ndarray:
    along = (np.abs(angle) - 0.11) / 0.53
    middle = 0.7445 + 0.0055 * np.sin(np.pi * np.clip(along, 0, 1) ** 0.8) - 0.001 * along
    half = thickness * np.interp(along, [0, 0.15, 0.6, 1], [0.0028, 0.0034, 0.0028, 0.0010])
    inside = np.clip((half - np.abs(height - middle)) / 0.0016 + 0.5, 0, 1)
    return inside * ((along > 0) & (along < 1))


def _beard(side: np.ndarray, height: np.ndarray) -> np.ndarray:
    top = np.interp(side, [0, 0.28, 0.45, 0.75, 1.1, 1.3], [0.6835, 0.6815, 0.668, 0.664, 0.690, 0.725])
    return (
        np.clip((top - height) / 0.004, 0, 1)
        * np.clip((height - 0.607) / 0.006, 0, 1)
        * np.clip((1.42 - side) / 0.08, 0, 1)
    )


def _over(below: np.ndarray, colour: np.ndarray, cover: np.ndarray) -> np.ndarray:
    cover = np.clip(cover, 0, 1)[..., None]
    return below * (1 - cover) + colour * cover


def _ridge(distance: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-((distance / width) ** 2))
