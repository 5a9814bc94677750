"""Spectacles: thin tubes around both eyes, a bridge and two temples, as a mesh of constant topology."""

import numpy as np

RING, SIDES = 20, 4  # segments around a lens, corners of the tube
RADIUS, TUBE = 0.098, 0.011  # of a lens and of its rim, in head heights
FORWARD = 0.115  # the lenses stand this far before the eyeballs' centres, in head heights
STRAIGHTS = 3  # bridge and temples
VERTICES = 2 * RING * SIDES + STRAIGHTS * 2 * SIDES


def frame(eyes: np.ndarray) -> np.ndarray:
    """float32 [VERTICES, 3] for the eyeballs' centres [left and right, 3], in head heights."""
    lens = eyes - np.array([0.0, FORWARD, 0.012])
    aside, back = np.array([RADIUS, 0.0, 0.0]), np.array([0.06, 0.42, 0.0])
    straights = [
        (lens[0] - aside, lens[1] + aside),
        (lens[0] + aside, lens[0] + aside + back),
        (lens[1] - aside, lens[1] - aside + back * [-1, 1, 1]),
    ]
    parts = [_ring(lens[0]), _ring(lens[1]), *(_straight(np.stack(ends)) for ends in straights)]
    return np.concatenate(parts).astype(np.float32)


def triangles() -> np.ndarray:
    """int32 [triangles, 3] into the vertices of `frame`."""
    pieces = [_tube(RING, 0, closed=True), _tube(RING, RING * SIDES, closed=True)]
    pieces += [_tube(2, 2 * RING * SIDES + k * 2 * SIDES, closed=False) for k in range(STRAIGHTS)]
    return np.concatenate(pieces).astype(np.int32)


def _ring(centre: np.ndarray) -> np.ndarray:
    turn = np.arange(RING) / RING * 2 * np.pi
    outward = np.stack([np.cos(turn), np.zeros(RING), 0.82 * np.sin(turn)], axis=1)
    corner = np.arange(SIDES) / SIDES * 2 * np.pi
    offset = outward[:, None] * np.cos(corner)[:, None] + np.array([0.0, 1.0, 0.0]) * np.sin(corner)[:, None]
    return (centre + RADIUS * outward[:, None] + TUBE * offset).reshape(-1, 3)


def _straight(ends: np.ndarray) -> np.ndarray:
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    level = np.cross(along, [0.0, 0.0, 1.0])
    corner = np.arange(SIDES) / SIDES * 2 * np.pi
    offset = level * np.cos(corner)[:, None] + np.array([0.0, 0.0, 1.0]) * np.sin(corner)[:, None]
    return (ends[:, None] + 0.8 * TUBE * offset).reshape(-1, 3)


def _tube(rings: int, first: int, *, closed: bool) -> np.ndarray:
    rows = []
    for k in range(rings if closed else rings - 1):
        here, there = first + k * SIDES, first + (k + 1) % rings * SIDES
        for s in range(SIDES):
            t = (s + 1) % SIDES
            rows += [[here + s, here + t, there + s], [here + t, there + t, there + s]]
    return np.array(rows)
