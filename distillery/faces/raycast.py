"""Casts rays at one head after another."""

import numpy as np
import warp as wp

from distillery.faces.kernels import face_normals, shoot
from distillery.faces.look import Look


class Caster:
    """One tree over the head, refitted for every image: a hit depends on nothing drawn earlier."""

    def __init__(
        self,
        *,
        template: np.ndarray,
        triangles: np.ndarray,
        parts: np.ndarray,
        marks: np.ndarray,
        folds: np.ndarray,
        side: int,
    ) -> None:
        wp.init()
        self.side = side
        self.triangles: wp.array = wp.array(triangles.reshape(-1), dtype=int, device="cpu")
        self.parts: wp.array = wp.array(parts, dtype=int, device="cpu")
        self.template: wp.array = wp.array(template, dtype=wp.vec3, device="cpu")
        self.marks: wp.array = wp.array(marks, dtype=wp.vec2, device="cpu")
        self.folds: wp.array = wp.array(folds, dtype=wp.vec4, device="cpu")
        self.points: wp.array = wp.array(template, dtype=wp.vec3, device="cpu")
        self.normals: wp.array = wp.zeros_like(self.points)
        self.out: wp.array = wp.zeros(side * side, dtype=wp.vec4, device="cpu")
        self.mesh = wp.Mesh(points=self.points, indices=self.triangles)

    def cast(self, *, points: np.ndarray, skin: np.ndarray, look: Look) -> np.ndarray:
        """float32 [side, side, 4], linear RGB and coverage; points [vertices, 3], skin [rows, columns, 3]."""
        self.points.assign(points)
        self.mesh.refit()
        self.normals.zero_()
        wp.launch(
            face_normals, dim=len(self.triangles) // 3, inputs=[self.points, self.triangles, self.normals], device="cpu"
        )
        inputs = [self.mesh.id, self.triangles, self.parts, self.normals, self.template, self.marks]
        inputs += [wp.array(skin, dtype=wp.vec3, device="cpu"), self.folds, look, self.side]
        wp.launch(shoot, dim=self.side * self.side, inputs=[*inputs, self.out], device="cpu")
        return self.out.numpy().reshape(self.side, self.side, 4).copy()
