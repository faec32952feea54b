"""The plane that a robot stands on, from its own model. Needs MuJoCo; no ROS."""

from __future__ import annotations

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray


def ground_height(model: mujoco.MjModel) -> float:
    """Return the height of the ground in the model's own frame, z up [m].

    The ground is under the lowest shape of the fixed base that collides, or else that is drawn. A base without any shape, or on a link
    that moves, stands where its world puts it: with the model's frame on the floor.
    """
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    fixed = [
        geom
        for geom in range(model.ngeom)
        if model.body_weldid[model.geom_bodyid[geom]] == 0
        and int(model.geom_type[geom]) not in (int(mujoco.mjtGeom.mjGEOM_PLANE), int(mujoco.mjtGeom.mjGEOM_HFIELD))
    ]
    colliding = [geom for geom in fixed if model.geom_contype[geom] or model.geom_conaffinity[geom]]
    return min((_lowest(model, data, geom) for geom in colliding or fixed), default=0.0)


def _lowest(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> float:
    """Return the height of a shape's lowest point [m]; not of its box, which is lower where the shape is turned and round."""
    kind, size = int(model.geom_type[geom]), model.geom_size[geom]
    centre, down = float(data.geom_xpos[geom, 2]), data.geom_xmat[geom].reshape(3, 3)[2]
    if kind == int(mujoco.mjtGeom.mjGEOM_SPHERE):
        return centre - float(size[0])
    if kind == int(mujoco.mjtGeom.mjGEOM_CAPSULE):
        return centre - float(size[0]) - abs(float(down[2])) * float(size[1])
    if kind == int(mujoco.mjtGeom.mjGEOM_CYLINDER):
        return centre - float(np.hypot(down[0], down[1])) * float(size[0]) - abs(float(down[2])) * float(size[1])
    if kind == int(mujoco.mjtGeom.mjGEOM_ELLIPSOID):
        return centre - float(np.linalg.norm(down * size))
    if kind == int(mujoco.mjtGeom.mjGEOM_MESH):
        return centre + float((_vertices(model, int(model.geom_dataid[geom])) @ down).min())
    box_centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
    return centre + float(down @ box_centre - np.abs(down) @ half)


def _vertices(model: mujoco.MjModel, mesh: int) -> FloatArray:
    first, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
    vertices: FloatArray = np.asarray(model.mesh_vert[first : first + count], dtype=np.float64)
    return vertices
