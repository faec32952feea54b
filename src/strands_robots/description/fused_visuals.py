"""Fuses the boxes and cylinders that only draw a robot into one mesh for each link and colour.

A model drawn with hundreds of primitives pays for them in every physics step: MuJoCo places each, and its collision
tree of a body holds those that cannot collide as well. Fused, they cost next to nothing and are drawn in fewer calls.
"""

from __future__ import annotations

import math
from collections import defaultdict

import mujoco
import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray

IntArray = NDArray[np.int32]

SLICES = 20
"""Sides of a cylinder; as many as the world draws its own with."""

FEWEST = 4
"""Fewer shapes of one colour than this are left as they are."""

_BOX, _CYLINDER = int(mujoco.mjtGeom.mjGEOM_BOX), int(mujoco.mjtGeom.mjGEOM_CYLINDER)


def fuse_visuals(spec: mujoco.MjSpec, model: mujoco.MjModel) -> None:
    """Replace unnamed, untextured, massless boxes and cylinders that collide with nothing by meshes.

    Args:
        spec: The robot's spec, compiled before; changed in place.
        model: What it was compiled to.
    """
    textured = {material.name for material in spec.materials if any(material.textures)}
    groups: dict[tuple[object, ...], list[mujoco.MjsGeom]] = defaultdict(list)
    for body in spec.bodies:
        for geom in body.geoms:
            if _is_decoration(geom, model) and geom.material not in textured:
                groups[body.id, geom.material, tuple(np.round(geom.rgba, 6)), int(geom.group)].append(geom)
    large = [shapes for shapes in groups.values() if len(shapes) >= FEWEST]
    # The numbers by which spec and model agree change with the first shape that is added or deleted.
    meshes = [_mesh(model, [geom.id for geom in shapes]) for shapes in large]
    for shapes, (corners, faces) in zip(large, meshes):
        _replace(spec, shapes, corners, faces)


def _is_decoration(geom: mujoco.MjsGeom, model: mujoco.MjModel) -> bool:
    number = geom.id
    return (
        not geom.name
        and int(model.geom_type[number]) in (_BOX, _CYLINDER)
        and not model.geom_contype[number]
        and not model.geom_conaffinity[number]
        and float(geom.mass) == 0.0
    )


def _mesh(model: mujoco.MjModel, geoms: list[int]) -> tuple[FloatArray, IntArray]:
    """Return corners (N, 3) in the body's frame [m] and triangles (M, 3) of some boxes and cylinders."""
    corners: list[FloatArray] = []
    faces: list[IntArray] = []
    count = 0
    for geom in geoms:
        is_box = int(model.geom_type[geom]) == _BOX
        points, triangles = _box() if is_box else _cylinder()
        size = model.geom_size[geom] if is_box else model.geom_size[geom, [0, 0, 1]]
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
        corners.append((points * size) @ rotation.reshape(3, 3).T + model.geom_pos[geom])
        faces.append(triangles + count)
        count += len(points)
    return np.concatenate(corners), np.concatenate(faces)


def _replace(spec: mujoco.MjSpec, shapes: list[mujoco.MjsGeom], corners: FloatArray, faces: IntArray) -> None:
    first = shapes[0]
    body = first.parent
    name = f"{body.name}_{first.material or 'plain'}_{len(spec.meshes)}"
    mesh = spec.add_mesh(name=name, uservert=corners.round(6).ravel(), userface=faces.ravel())
    mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, material=first.material, rgba=first.rgba, group=first.group,
        contype=0, conaffinity=0, mass=0.0,
    )  # fmt: skip
    for geom in shapes:
        spec.delete(geom)


def _box() -> tuple[FloatArray, IntArray]:
    """Return corners (24, 3) and triangles (12, 3) of the box from -1 to 1; no shared corners, so edges stay sharp."""
    points: list[FloatArray] = []
    faces: list[list[int]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            first = len(points)
            for u, v in ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)):
                corner = np.empty(3)
                corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3] = sign, u, v
                points.append(corner)
            order = (0, 1, 2, 3) if sign > 0.0 else (0, 3, 2, 1)
            a, b, c, d = (first + i for i in order)
            faces += [[a, b, c], [a, c, d]]
    return np.array(points), np.array(faces, dtype=np.int32)


def _cylinder() -> tuple[FloatArray, IntArray]:
    """Return corners and triangles of the cylinder of radius 1, half length 1, along z; lids have their own corners."""
    angles = np.arange(SLICES) * (2.0 * math.pi / SLICES)
    ring = np.stack([np.cos(angles), np.sin(angles), np.ones(SLICES)], axis=1)
    low = ring * (1.0, 1.0, -1.0)
    points = np.concatenate([low, ring, low, ring])
    faces = []
    for i in range(SLICES):
        j = (i + 1) % SLICES
        faces += [[i, j, SLICES + j], [i, SLICES + j, SLICES + i]]
        if 0 < i < SLICES - 1:
            faces += [[2 * SLICES, 2 * SLICES + j, 2 * SLICES + i], [3 * SLICES, 3 * SLICES + i, 3 * SLICES + j]]
    return points, np.array(faces, dtype=np.int32)
