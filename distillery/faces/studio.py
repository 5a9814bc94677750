"""Puts a person before the camera: shape, paint and lamps in, linear light out."""

import numpy as np
import warp as wp

from distillery.faces import glasses
from distillery.faces.body import assemble, name_parts
from distillery.faces.camera import Camera
from distillery.faces.colour import linear
from distillery.faces.expressions import Act
from distillery.faces.head import PARTS, Head
from distillery.faces.look import Look
from distillery.faces.person import Person
from distillery.faces.raycast import Caster
from distillery.faces.scene import Light, Pose, sample_background, sample_light, sample_pose
from distillery.faces.skin import paint_folds, paint_skin

OVERSAMPLING = 2  # rays along each side of a pixel
DISTANCE = 4.5  # camera to head, in head heights: about one metre
LIFT = 0.02  # the camera aims this much above the head's centre, in head heights


class Studio:
    """Keeps the ray casters and the last person's paint between images."""

    def __init__(self, *, head: Head, size: int) -> None:
        self.head, self.size, self.anatomy = head, size, name_parts(head)
        self.curtained, self.bare = self._caster(curtain=True), self._caster(curtain=False)
        self.painted: tuple[Person | None, np.ndarray] = (None, np.empty(0))

    def _caster(self, *, curtain: bool) -> Caster:
        """A tree with or without the curtain of long hair, which every ray would have to pass."""
        head, worn = self.head, glasses.triangles() + len(self.head.template)
        kept = np.full(len(head.parts), curtain) | (head.parts != PARTS["hair"])
        rims = np.zeros(glasses.VERTICES, np.float32)
        return Caster(
            template=np.concatenate([head.template, np.zeros((glasses.VERTICES, 3), np.float32)]),
            triangles=np.concatenate([head.triangles[kept], worn]),
            parts=np.concatenate([head.parts[kept], np.full(len(worn), PARTS["frame"], np.int32)]),
            marks=np.stack([np.concatenate([head.lips, rims]), np.concatenate([head.ears, rims])], axis=1),
            folds=paint_folds(),
            side=OVERSAMPLING * self.size,
        )

    def portray(
        self,
        *,
        person: Person,
        act: Act,
        acting: np.ndarray,
        resting: np.ndarray,
        camera: Camera,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Linear light [size, size, 3]; acting and resting are the person's vertices [vertices, 3] in metres."""
        light, pose = sample_light(rng, camera=camera), sample_pose(rng, camera=camera)
        points = assemble(
            acting=acting, resting=resting, head=self.head, anatomy=self.anatomy, person=person, pose=pose
        )
        if self.painted[0] is not person:
            self.painted = (person, paint_skin(person))
        look = self._look(person, act, light, pose)
        caster = self.curtained if person.style == "long" else self.bare
        rays = caster.cast(points=points, skin=self.painted[1], look=look)
        pixels = rays.reshape(self.size, OVERSAMPLING, self.size, OVERSAMPLING, 4).mean(axis=(1, 3))
        background = sample_background(rng, camera=camera, side=self.size)
        return pixels[..., :3] + (1 - pixels[..., 3:]) * background

    def _look(self, person: Person, act: Act, light: Light, pose: Pose) -> Look:
        eyes = (
            self.head.template[self.anatomy.left_eye].mean(axis=0),
            self.head.template[self.anatomy.right_eye].mean(axis=0),
        )
        values = {
            "iris": person.iris,
            "sclera": linear((232, 228, 222)),
            "flesh": person.skin * 0.95,
            "lip": _lip(person),
            "lip_weight": 0.65 + 0.3 * person.lipstick,
            "hair": person.hair,
            "frame": linear((26, 22, 22)),
            "teeth": linear((236, 230, 214)),
            "eye_left": eyes[0],
            "eye_right": eyes[1],
            "fold_weights": fold_weights(person, act),
            "length": person.length,
            "fringe": 0.80 - person.fringe,
            "mane": (person.length - 0.72) / 0.24 if person.style == "long" else 0.0,
            "key_direction": light.direction,
            "key": light.key,
            "sky": light.sky,
            "ground": light.ground,
            "shadow": light.shadow,
            "gloss": 0.05,
            "distance": DISTANCE,
            "half": pose.half_height,
            "shift_x": pose.shift_x,
            "shift_z": pose.shift_z + LIFT,
        }
        look = Look()
        for name, value in values.items():
            setattr(look, name, _warp(value))
        return look


def fold_weights(person: Person, act: Act) -> np.ndarray:
    """Darkness of the four folds (see skin.py): deepened by age, and by the actions which bunch the skin."""
    old = float(np.interp(person.age, [30, 80], [0, 1]))
    actions = act.actions
    bunched = (
        0.35 * max(actions.get("browInnerUp", 0) / 1.9, actions.get("browOuterUp", 0) / 1.4),
        0.45 * actions.get("browDown", 0) / 1.7,
        0.40
        * max(actions.get("mouthSmile", 0), actions.get("noseSneer", 0) / 1.5, actions.get("mouthUpperUp", 0) / 1.2),
        0.30 * max(actions.get("cheekSquint", 0), actions.get("eyeSquint", 0) / 0.9),
    )
    return np.array([0.35, 0.25, 0.35, 0.45]) * old + np.array(bunched)


def _lip(person: Person) -> np.ndarray:
    bare = person.skin * np.array([0.80, 0.48, 0.50])
    return bare if person.lipstick == 0 else linear((176, 30, 48)) * person.lipstick


def _warp(value: float | np.ndarray) -> object:
    if isinstance(value, float):
        return value
    numbers = [float(number) for number in value]
    return wp.vec4(*numbers) if len(numbers) == 4 else wp.vec3(*numbers)
