"""The surface of a shape as triangles, for sampling and for rays. Meshes are taken as their convex hulls. Needs MuJoCo."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.planning.planning_scene import Shape

_SIDES = 24
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles of a closed surface.

    Attributes:
        corners: (N, 3, 3) [m]: triangle, corner, coordinate.
        normals: (N, 3), pointing outwards.
        areas: (N,) [m2].
    """

    corners: FloatArray
    normals: FloatArray
    areas: FloatArray

    def sample(self, count: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return points (count, 3) [m], equally likely everywhere, and the normals there (count, 3)."""
        rows = random.choice(len(self.areas), size=count, p=self.areas / self.areas.sum())
        first, second = random.random((2, count, 1))
        is_beyond = first + second > 1.0
        first, second = np.where(is_beyond, 1.0 - first, first), np.where(is_beyond, 1.0 - second, second)
        a, b, c = (self.corners[rows, i] for i in range(3))
        return a + first * (b - a) + second * (c - a), self.normals[rows]

    def exit(self, origin: FloatArray, direction: FloatArray) -> tuple[float, FloatArray] | None:
        """Return where a ray from a point of the surface into it comes out last: distance [m] and normal (3,); None for nowhere.

        Source: Moeller and Trumbore 1997, "Fast, minimum storage ray-triangle intersection".
        """
        a = self.corners[:, 0]
        first, second = self.corners[:, 1] - a, self.corners[:, 2] - a
        cross = np.cross(direction, second)
        scale = (first * cross).sum(axis=1)
        safe = np.where(np.abs(scale) < _TINY, 1.0, scale)
        away = origin - a
        u = (away * cross).sum(axis=1) / safe
        turned = np.cross(away, first)
        v = (turned @ direction) / safe
        distance = (second * turned).sum(axis=1) / safe
        hit = (np.abs(scale) >= _TINY) & (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1.0 + 1e-9) & (distance > 1e-5)
        if not hit.any():
            return None
        last = int(np.flatnonzero(hit)[np.argmax(distance[hit])])
        return float(distance[last]), self.normals[last]


def surface_of(shape: Shape) -> Surface:
    """Return the surface of a shape in the frame that its pose is given in.

    Raises:
        ConfigurationError: If it has none that can be grasped, as a plane.
    """
    makers = {
        "box": _box,
        "sphere": _round,
        "ellipsoid": _round,
        "cylinder": _cylinder,
        "capsule": _capsule,
        "mesh": _hull,
    }
    if shape.kind not in makers:
        raise ConfigurationError(
            f"shape '{shape.name}' is a {shape.kind}; valid for grasps: {', '.join(sorted(makers))}"
        )
    corners = makers[shape.kind](shape)
    corners = corners @ shape.pose.rotation.T + shape.pose.position
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(cross, axis=1)
    kept = lengths > _TINY
    corners, normals = corners[kept], cross[kept] / lengths[kept, None]
    inside = corners.mean(axis=(0, 1))
    # All of these are convex: a normal that points to the middle is turned round.
    normals = np.where(((corners.mean(axis=1) - inside) * normals).sum(axis=1)[:, None] < 0.0, -normals, normals)
    return Surface(corners, normals, 0.5 * lengths[kept])


def _box(shape: Shape) -> FloatArray:
    half = np.array(shape.size[:3])
    faces = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            across = [i for i in range(3) if i != axis]
            square = np.zeros((4, 3))
            square[:, axis] = sign
            square[:, across[0]], square[:, across[1]] = (-1, 1, 1, -1), (-1, -1, 1, 1)
            faces += [square[[0, 1, 2]], square[[0, 2, 3]]]
    corners: FloatArray = np.array(faces) * half
    return corners


def _rings(radii: FloatArray, heights: FloatArray) -> FloatArray:
    """Return the triangles of a body of revolution about z from rings (M,), each of which may have no radius."""
    angles = np.linspace(0.0, 2.0 * np.pi, _SIDES, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.concatenate(
        [radii[:, None, None] * circle, np.broadcast_to(heights[:, None, None], (len(radii), _SIDES, 1))], axis=2
    )
    low, high = points[:-1], points[1:]
    low_next, high_next = np.roll(low, -1, axis=1), np.roll(high, -1, axis=1)
    triangles = [np.stack([low, low_next, high_next], axis=2), np.stack([low, high_next, high], axis=2)]
    corners: FloatArray = np.concatenate(triangles).reshape(-1, 3, 3)
    return corners


def _cylinder(shape: Shape) -> FloatArray:
    radius, half = shape.size[:2]
    return _rings(np.array([0.0, radius, radius, 0.0]), np.array([-half, -half, half, half]))


def _round(shape: Shape) -> FloatArray:
    half = np.array(shape.size[:3] if shape.kind == "ellipsoid" else shape.size[:1] * 3)
    polar = np.linspace(0.0, np.pi, _SIDES // 2 + 1)
    corners: FloatArray = _rings(np.sin(polar), -np.cos(polar)) * half
    return corners


def _capsule(shape: Shape) -> FloatArray:
    radius, half = shape.size[:2]
    polar = np.linspace(0.0, 0.5 * np.pi, _SIDES // 4 + 1)
    low = radius * np.sin(polar), -half - radius * np.cos(polar)
    radii, heights = np.concatenate([low[0], low[0][::-1]]), np.concatenate([low[1], -low[1][::-1]])
    return _rings(radii, heights)


def _hull(shape: Shape) -> FloatArray:
    """Return the triangles of the hull that MuJoCo makes of a mesh.

    Source: MuJoCo, mjmodel.h, mesh_graph: numbers of vertices and faces, edge addresses, vertex ids, edges, and the faces' vertex ids.
    """
    assert shape.vertices is not None  # checked by the shape
    spec = mujoco.MjSpec()
    mesh = spec.add_mesh(name="mesh", uservert=shape.vertices.ravel().tolist())
    mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="mesh")
    try:
        model = spec.compile()
    except ValueError as error:
        raise ConfigurationError(f"MuJoCo cannot use mesh '{shape.name}': {error}") from error
    graph = model.mesh_graph[model.mesh_graphadr[0] :]
    vertices, faces = int(graph[0]), int(graph[1])
    begin = 2 + 2 * vertices + vertices + 3 * faces
    ids: NDArray[np.int32] = graph[begin : begin + 3 * faces].reshape(-1, 3)
    turn = np.empty(9)
    mujoco.mju_quat2Mat(turn, model.mesh_quat[0])
    # MuJoCo moves a mesh to its centre of mass and principal axes; this moves it back.
    points = model.mesh_vert[: model.mesh_vertnum[0]] @ turn.reshape(3, 3).T + model.mesh_pos[0]
    corners: FloatArray = points[ids].astype(np.float64)
    return corners
