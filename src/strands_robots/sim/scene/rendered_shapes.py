"""The surroundings and objects of a world as simple shapes, for viewers that have none of its files. Robots have their URDF."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.sim.randomize.varied_model import effective_colour
from strands_robots.sim.render.segmentation import entity_of

ENDLESS = 20.0
"""Side of what is drawn of an endless plane [m]."""

THIN = 0.001
"""Thickness of what is drawn of a plane [m]."""

MAX_TRIANGLES = 20000
"""A mesh of more is drawn as its box; terrain is thinned out."""

_Kind = mujoco.mjtGeom
_VISIBLE_GROUPS = 3  # MuJoCo draws groups 0 to 2 unless told otherwise


class DrawnKind(enum.Enum):
    """What is drawn; sizes as visualization_msgs/Marker has them."""

    BOX = "box"
    ELLIPSOID = "ellipsoid"
    CYLINDER = "cylinder"
    TRIANGLES = "triangles"


@dataclass(frozen=True)
class DrawnShape:
    """One shape.

    Attributes:
        entity: Object that it belongs to, or "world".
        number: Distinguishes the shapes of a world.
        kind: What it is.
        size: Full lengths along its axes (3,) [m]; 1 for triangles.
        rgba: Colour, 0 to 1.
        geom: Number of the shape in the model.
        offset: Its origin in the frame of that shape (3,) [m].
        points: Corners of triangles (3 T, 3) [m]; empty for the others.
    """

    entity: str
    number: int
    kind: DrawnKind
    size: FloatArray
    rgba: FloatArray
    geom: int
    offset: FloatArray
    points: FloatArray


class SceneShapes:
    """The shapes of one generation of a world.

    Args:
        model: The model.
        robots: Names of the robots, whose shapes are left out.

    Attributes:
        shapes: The shapes, (N).
        is_moving: Which of them can move (N,).
    """

    def __init__(self, model: mujoco.MjModel, robots: Collection[str]) -> None:
        self.shapes = [shape for geom in range(model.ngeom) for shape in _shapes(model, robots, geom)]
        self._geoms = np.array([shape.geom for shape in self.shapes], dtype=int)
        self._offsets = np.array([shape.offset for shape in self.shapes]).reshape(-1, 3)
        bodies = model.geom_bodyid[self._geoms]
        self.is_moving: NDArray[np.bool_] = (model.body_weldid[bodies] != 0) | (model.body_mocapid[bodies] >= 0)

    def poses(self, data: mujoco.MjData) -> tuple[FloatArray, FloatArray]:
        """Return where the shapes are in the world frame: origins (N, 3) [m], rotations (N, 3, 3)."""
        rotations = data.geom_xmat[self._geoms].reshape(-1, 3, 3)
        return data.geom_xpos[self._geoms] + np.einsum("nij,nj->ni", rotations, self._offsets), rotations


def _shapes(model: mujoco.MjModel, robots: Collection[str], geom: int) -> list[DrawnShape]:
    entity = entity_of(model, robots, int(model.geom_bodyid[geom]))
    rgba = effective_colour(model, geom).astype(np.float64)
    if entity in robots or int(model.geom_group[geom]) >= _VISIBLE_GROUPS or rgba[3] <= 0.0:
        return []
    half = model.geom_size[geom].copy()
    nothing, no_points = np.zeros(3), np.empty((0, 3))

    def shape(
        part: int, kind: DrawnKind, size: FloatArray, offset: FloatArray = nothing, points: FloatArray = no_points
    ) -> DrawnShape:
        return DrawnShape(entity, 3 * geom + part, kind, size, rgba, geom, offset, points)

    kind = int(model.geom_type[geom])
    if kind == int(_Kind.mjGEOM_PLANE):
        sides = np.where(half[:2] > 0.0, 2.0 * half[:2], ENDLESS)
        return [shape(0, DrawnKind.BOX, np.array([*sides, THIN]), np.array([0.0, 0.0, -0.5 * THIN]))]
    if kind == int(_Kind.mjGEOM_BOX):
        return [shape(0, DrawnKind.BOX, 2.0 * half)]
    if kind == int(_Kind.mjGEOM_SPHERE):
        return [shape(0, DrawnKind.ELLIPSOID, np.full(3, 2.0 * half[0]))]
    if kind == int(_Kind.mjGEOM_ELLIPSOID):
        return [shape(0, DrawnKind.ELLIPSOID, 2.0 * half)]
    if kind in (int(_Kind.mjGEOM_CYLINDER), int(_Kind.mjGEOM_CAPSULE)):
        across, end = 2.0 * half[0], np.array([0.0, 0.0, half[1]])
        parts = [shape(0, DrawnKind.CYLINDER, np.array([across, across, 2.0 * half[1]]))]
        if kind == int(_Kind.mjGEOM_CAPSULE):
            parts += [
                shape(1 + i, DrawnKind.ELLIPSOID, np.full(3, across), side * end) for i, side in enumerate((-1.0, 1.0))
            ]
        return parts
    corners = _terrain(model, geom) if kind == int(_Kind.mjGEOM_HFIELD) else _mesh(model, geom)
    if len(corners):
        return [shape(0, DrawnKind.TRIANGLES, np.ones(3), points=corners)]
    box = model.geom_aabb[geom]
    return [shape(0, DrawnKind.BOX, 2.0 * box[3:], box[:3].copy())]


def _mesh(model: mujoco.MjModel, geom: int) -> FloatArray:
    """Return the corners of a mesh's triangles (3 T, 3) in the shape's frame [m]; none when there are too many."""
    mesh = int(model.geom_dataid[geom])
    if (
        int(model.geom_type[geom]) != int(_Kind.mjGEOM_MESH)
        or mesh < 0
        or int(model.mesh_facenum[mesh]) > MAX_TRIANGLES
    ):
        return np.empty((0, 3))
    first, count = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
    corners = int(model.mesh_vertadr[mesh]) + model.mesh_face[first : first + count].ravel()
    points: FloatArray = model.mesh_vert[corners].astype(np.float64)
    return points


def _terrain(model: mujoco.MjModel, geom: int) -> FloatArray:
    """Return the corners of a height field's triangles (3 T, 3) in the shape's frame [m], thinned out when there are too many."""
    field = int(model.geom_dataid[geom])
    rows, columns = int(model.hfield_nrow[field]), int(model.hfield_ncol[field])
    first = int(model.hfield_adr[field])
    x_half, y_half, z_top, _ = model.hfield_size[field]
    heights = model.hfield_data[first : first + rows * columns].reshape(rows, columns) * z_top
    stride = max(1, int(np.ceil(np.sqrt(2.0 * rows * columns / MAX_TRIANGLES))))
    y, x = np.linspace(-y_half, y_half, rows)[::stride], np.linspace(-x_half, x_half, columns)[::stride]
    grid = np.stack([*np.meshgrid(x, y), heights[::stride, ::stride]], axis=2)
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    points: FloatArray = np.stack([a, b, d, a, d, c], axis=2).reshape(-1, 3).astype(np.float64)
    return points
