"""The planning scene of a simulated world, read from its model: what stands around one robot at one instant. Needs MuJoCo; no ROS."""

from __future__ import annotations

import mujoco
import numpy as np

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.planning.pick.pick_scene import PickScene
from strands_robots.planning.planning_scene import PlanningScene, Shape
from strands_robots.sim.world.world import World

CLEARANCE = 0.002
"""Distance that planned ways keep from everything [m]."""

_LEVEL = 0.99
_KINDS = {
    mujoco.mjtGeom.mjGEOM_BOX: ("box", 3),
    mujoco.mjtGeom.mjGEOM_SPHERE: ("sphere", 1),
    mujoco.mjtGeom.mjGEOM_CYLINDER: ("cylinder", 2),
    mujoco.mjtGeom.mjGEOM_CAPSULE: ("capsule", 2),
    mujoco.mjtGeom.mjGEOM_ELLIPSOID: ("ellipsoid", 3),
}


def world_scene(world: World, robot: str) -> PickScene:
    """Return what stands around a robot whose base is at the world's origin, as in evaluations.

    A level floor is left out: the robot's own model has the ground.

    Args:
        world: The world.
        robot: The robot's name; its own parts are left out.

    Raises:
        MotionError: "invalid_goal" if the world has a shape that planners do not know, as terrain.
    """
    model, data = world.model, world.data
    shapes: list[Shape] = []
    objects: dict[str, list[str]] = {}
    for geom in range(model.ngeom):
        body = model.body(model.geom_bodyid[geom]).name
        if body.startswith(f"{robot}/") or not (model.geom_contype[geom] or model.geom_conaffinity[geom]):
            continue
        pose = Pose(data.geom_xpos[geom].copy(), data.geom_xmat[geom].reshape(3, 3).copy())
        kind = mujoco.mjtGeom(model.geom_type[geom])
        if kind == mujoco.mjtGeom.mjGEOM_PLANE and pose.rotation[2, 2] > _LEVEL:
            continue
        shape = _shape(model, geom, f"{body}:{model.geom(geom).name or geom}", kind, pose)
        shapes.append(shape)
        objects.setdefault(body, []).append(shape.name)
    scene = PlanningScene(tuple(shapes), clearance=CLEARANCE)
    return PickScene(scene, {name: tuple(names) for name, names in objects.items()})


def _shape(model: mujoco.MjModel, geom: int, name: str, kind: mujoco.mjtGeom, pose: Pose) -> Shape:
    if kind in _KINDS:
        word, sizes = _KINDS[kind]
        return Shape(name, word, tuple(model.geom_size[geom, :sizes].tolist()), pose)
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = int(model.geom_dataid[geom])
        begin, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
        return Shape(name, "mesh", (), pose, model.mesh_vert[begin : begin + count].astype(np.float64))
    valid = ", ".join([*(word for word, _ in _KINDS.values()), "mesh"])
    raise MotionError(
        "invalid_goal", f"'{name}' is a {kind.name[7:].lower()}, which planners do not know; valid: {valid}"
    )
