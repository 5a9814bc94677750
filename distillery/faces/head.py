"""The parametric head: anny's blend shapes cut down to what a portrait shows."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

# Vertex ranges of MakeHuman's base mesh (mpfb2/mesh_metadata/basemesh_vertex_groups.json, CC0), first and last.
BODY = (0, 13379)
TONGUE = (13380, 13605)
EYES = (14598, 14741)
LASHES = (14742, 14991)
TEETH = (14992, 15127)
HAIR = (18722, 19149)

# What a triangle is made of, as the ray caster reads it.
PARTS = {"skin": 0, "eye": 1, "teeth": 2, "tongue": 3, "lash": 4, "hair": 5, "frame": 6, "mouth": 7}
LOWEST = 0.40  # metres in the template's frame: under the shoulders, where the bust ends
LASH_LINE = 0.7275  # metres: lower lashes are left out, at 64 pixels they ring the eye in black


@dataclass(frozen=True, kw_only=True)
class Head:
    """Constant geometry. Lengths in metres, z up, the face looks towards -y, x grows to the person's left."""

    template: np.ndarray  # float32 [vertices, 3]
    blendshapes: torch.Tensor  # float32 [coefficients, vertices * 3]
    triangles: np.ndarray  # int32 [triangles, 3]
    parts: np.ndarray  # int32 [triangles], values of PARTS
    lips: np.ndarray  # float32 [vertices] in 0..1
    ears: np.ndarray  # float32 [vertices] in 0..1
    actions: tuple[str, ...]  # names of the last coefficients
    model: Any  # anny keeps its types to itself

    def coefficients(self, phenotypes: dict[str, np.ndarray], actions: np.ndarray) -> torch.Tensor:
        """Blend shape weights float32 [batch, coefficients], from phenotypes [batch] each and [batch, actions]."""
        inputs = {name: torch.as_tensor(values, dtype=torch.float64) for name, values in phenotypes.items()}
        shape = self.model.get_phenotype_blendshape_coefficients(**inputs).float()
        shape[:, -len(self.actions) :] = torch.as_tensor(actions, dtype=torch.float32)
        return shape

    def vertices(self, coefficients: torch.Tensor) -> np.ndarray:
        """float32 [batch, vertices, 3]. Linear as anny's own rest pose; the skeleton is not needed for a rigid head."""
        flat = torch.from_numpy(self.template).reshape(1, -1) + coefficients @ self.blendshapes
        return flat.reshape(len(coefficients), -1, 3).numpy()


@lru_cache(maxsize=1)
def load_head() -> Head:
    """Anny's head, about 1 s; the first time on a machine anny builds its cache, which takes about 90 s."""
    import warp

    warp.config.log_level = logging.ERROR
    with _silence():  # warp's native code reports that there is no GPU, past its own log level
        warp.init()
    import anny
    from anny.paths import get_anny_cache_path, get_anny_root_dir

    if not any(get_anny_cache_path().glob("v*/*")):
        print("faces: anny builds its cache, once on this machine, about 90 s", flush=True)
    model = anny.Anny(facial_actions="all", phenotypes="all", topology="makehuman")
    template = model.template_vertices.numpy().astype(np.float32)
    assets = Path(os.fspath(get_anny_root_dir())) / "data" / "mpfb2"
    faces, texture, corners = _read_obj(assets / "3dobjs" / "base.obj")
    part = _part_of_face(faces, template)
    faces, corners, part = faces[part >= 0], corners[part >= 0], part[part >= 0]
    used, compact = np.unique(faces, return_inverse=True)
    faces = compact.reshape(faces.shape).astype(np.int32)
    where = np.zeros((len(used), 2), np.float32)
    where[faces.reshape(-1)] = texture[corners.reshape(-1)]
    body = (used <= BODY[1]).astype(np.float32)
    inner = _mask(assets / "textures" / "mpfb_inside-mouth.jpg", where) * body
    part[(part == PARTS["skin"]) & (inner[faces].mean(axis=1) > 0.5)] = PARTS["mouth"]
    return Head(
        template=template[used],
        blendshapes=model.blendshapes[:, used].reshape(len(model.blendshapes), -1).float().contiguous(),
        triangles=np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]]),
        parts=np.concatenate([part, part]),
        lips=_mask(assets / "textures" / "mpfb_lips.jpg", where) * body,
        ears=_mask(assets / "textures" / "mpfb_ears.jpg", where) * body,
        actions=tuple(model.facial_action_labels),
        model=model,
    )


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing reaches standard error, not from native code either."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads int [faces, 4], texture coordinates float32 [n, 2], texture corners int [faces, 4]."""
    faces, texture, corners = [], [], []
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == ["vt"]:
            texture.append((float(words[1]), float(words[2])))
        elif words[:1] == ["f"] and len(words) == 5:
            pairs = [word.split("/") for word in words[1:]]
            faces.append([int(pair[0]) - 1 for pair in pairs])
            corners.append([int(pair[1]) - 1 for pair in pairs])
    return np.array(faces), np.array(texture, np.float32), np.array(corners)


def _part_of_face(faces: np.ndarray, template: np.ndarray) -> np.ndarray:
    """int32 [faces]; -1 where the portrait does not need the face."""
    part = np.full(len(faces), -1, np.int32)
    ranges = {"skin": BODY, "tongue": TONGUE, "eye": EYES, "lash": LASHES, "teeth": TEETH, "hair": HAIR}
    for name, (first, last) in ranges.items():
        part[((faces >= first) & (faces <= last)).all(axis=1)] = PARTS[name]
    low = (template[faces, 2] < LOWEST).any(axis=1) | (np.abs(template[faces, 0]) > 0.20).any(axis=1)
    lower_lash = (part == PARTS["lash"]) & (template[faces, 2].mean(axis=1) < LASH_LINE)
    part[low | lower_lash] = -1
    return part


def _mask(path: Path, where: np.ndarray) -> np.ndarray:
    """float32 [vertices] in 0..1: a grey picture read at texture coordinates [vertices, 2]."""
    from PIL import Image

    picture = np.asarray(Image.open(path).convert("L"), np.float32) / 255
    height, width = picture.shape
    column = np.clip(where[:, 0] * width, 0, width - 1).astype(int)
    row = np.clip((1 - where[:, 1]) * height, 0, height - 1).astype(int)
    return picture[row, column]
