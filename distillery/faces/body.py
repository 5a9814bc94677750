"""Geometry of one image: a person's head with hair and glasses, acting, turned and scaled for the camera."""

from dataclasses import dataclass

import numpy as np

from distillery.faces import glasses
from distillery.faces.head import PARTS, Head
from distillery.faces.person import Person
from distillery.faces.scene import Pose
from distillery.faces.skin import AXIS_Y, above_hairline

SKULL = np.array([0.0, -0.05, 0.73], np.float32)  # metres in the template: hair grows away from here
CHIN = 0.61  # metres in the template: what is lower is neck
# MakeHuman's teeth would pierce lips which move strongly, and a smile would hide the upper row: set anew (metres).
TEETH_SCALE = np.array([0.88, 1.0, 1.0], np.float32)
LOWER_TEETH = np.array([0.0, 0.007, -0.006], np.float32)
UPPER_TEETH = np.array([0.0, 0.007, -0.004], np.float32)
NECK = (0.53, 0.62)  # metres in the template: where the turn of the head fades in, from shoulder to jaw
HAIR_DEPTH = {"bald": 0.0, "short": 0.011, "long": 0.009}  # metres by which hair stands off the scalp


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """Vertex sets of the head which geometry needs by name."""

    skin: np.ndarray  # bool [vertices]
    left_eye: np.ndarray  # bool [vertices]
    right_eye: np.ndarray  # bool [vertices]
    lower_teeth: np.ndarray  # int [teeth]
    upper_teeth: np.ndarray  # int [teeth]


def name_parts(head: Head) -> Anatomy:
    """Vertices by the part their triangles are made of."""

    def of(part: str) -> np.ndarray:
        chosen = np.zeros(len(head.template), bool)
        chosen[head.triangles[head.parts == PARTS[part]]] = True
        return chosen

    left = head.template[:, 0] > 0
    lower, upper = np.split(np.flatnonzero(of("teeth")), 2)  # in the order of MakeHuman's vertices
    return Anatomy(
        skin=of("skin"), left_eye=of("eye") & left, right_eye=of("eye") & ~left, lower_teeth=lower, upper_teeth=upper
    )


def hair_offset(head: Head, person: Person) -> np.ndarray:
    """float32 [vertices, 3] in metres: the scalp, pushed out by the depth of the hair, except at the ears."""
    outward = head.template - SKULL
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    angle = np.arctan2(head.template[:, 0], AXIS_Y - head.template[:, 1])
    above = above_hairline(angle, head.template[:, 2].astype(float), person)
    depth = HAIR_DEPTH[person.style] * np.clip(above / 0.02, 0, 1) * (1 - head.ears) * (head.template[:, 2] > 0.63)
    return (outward * depth[:, None]).astype(np.float32)


def assemble(
    *, acting: np.ndarray, resting: np.ndarray, head: Head, anatomy: Anatomy, person: Person, pose: Pose
) -> np.ndarray:
    """float32 [vertices + glasses, 3] in head heights around the centre, which the resting face fixes."""
    face = resting[anatomy.skin & (head.template[:, 2] > CHIN)]
    low, high = face[:, 2].min(), face[:, 2].max()
    eyes = np.stack([resting[anatomy.left_eye].mean(axis=0), resting[anatomy.right_eye].mean(axis=0)])
    centre = np.array([0.0, eyes[:, 1].mean() + 0.4 * (high - low), (low + high) / 2], np.float32)
    points = acting + hair_offset(head, person) * np.float32((high - low) / 0.24) * anatomy.skin[:, None]
    points[anatomy.lower_teeth] = points[anatomy.lower_teeth] * TEETH_SCALE + LOWER_TEETH
    points[anatomy.upper_teeth] = points[anatomy.upper_teeth] * TEETH_SCALE + UPPER_TEETH
    points = (points - centre) / (high - low)
    frame = (
        glasses.frame((eyes - centre) / (high - low)) if person.glasses else np.zeros((glasses.VERTICES, 3), np.float32)
    )
    bend = np.clip((head.template[:, 2] - NECK[0]) / (NECK[1] - NECK[0]), 0, 1)
    bend = np.concatenate([bend, np.ones(glasses.VERTICES)]).astype(np.float32)
    return _turn(np.concatenate([points, frame]).astype(np.float32), bend=bend[:, None], pose=pose)


def _turn(points: np.ndarray, *, bend: np.ndarray, pose: Pose) -> np.ndarray:
    """Rotates about the top of the neck by roll, pitch, yaw, in this order; `bend` 0 stays, 1 follows."""
    yaw, pitch, roll = np.deg2rad([pose.yaw, pose.pitch, pose.roll])
    about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(roll), 0, np.sin(roll)], [0, 1, 0], [-np.sin(roll), 0, np.cos(roll)]])
    pivot = np.array([0.0, 0.0, -0.4], np.float32)
    turned = (points - pivot) @ (about_z @ about_x @ about_y).T.astype(np.float32) + pivot
    return points + bend * (turned - points)
