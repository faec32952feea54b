"""What and where the objects of a world are, and the bases of its robots. SI, world frame, quaternions xyzw."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.sim.query.describe import KINDS, MOST_SHAPES, object_names
from strands_robots.sim.randomize.varied_model import effective_colour
from strands_robots.sim.world.world import World

FREE_DOFS = 6
_CORNERS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))


@dataclass(frozen=True)
class ObjectView:
    """One object.

    Attributes:
        name: Its name.
        motion: "free", "fixed" or "jointed".
        shapes: Kinds of its first shapes.
        lower, upper: Corners (3,) of the box around it, along the world's axes [m].
        own_size: Full size (3,) of the box along its own axes [m].
        position: Origin of its frame (3,) [m].
        quaternion: Rotation (4,), xyzw.
        mass: With everything that hangs on it [kg].
        colour: Of its first shape (4,), 0 to 1; zeros without a shape.
    """

    name: str
    motion: str
    shapes: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    own_size: FloatArray
    position: FloatArray
    quaternion: FloatArray
    mass: float
    colour: FloatArray


def object_views(world: World) -> list[ObjectView]:
    """Return every object, as it is now; in the order of `object_names`."""
    with world.lock:
        return [_view(world, world.model.body(name).id) for name in object_names(world)]


def robot_poses(world: World) -> list[tuple[FloatArray, FloatArray]]:
    """Return position (3,) [m] and quaternion (4,) of the base frame of each robot, in the order of `world.robots`."""
    with world.lock:
        bodies = [f"{robot.prefix}{robot.config.base_frame}" for robot in world.robots.values()]
        return [_pose(world.data, world.model.body(body).id) for body in bodies]


def box_around(model: mujoco.MjModel, data: mujoco.MjData, body: int) -> tuple[FloatArray, FloatArray]:
    """Return the corners (3,), (3,) of the box around a body and everything that hangs on it, along the world's axes [m].

    A body without a shape is a point.
    """
    points = _corners(model, data, body)
    return points.min(axis=0), points.max(axis=0)


def own_size(model: mujoco.MjModel, data: mujoco.MjData, body: int) -> FloatArray:
    """Return the full size (3,) of the box around a body and what hangs on it, along the body's own axes [m]."""
    points = (_corners(model, data, body) - data.xpos[body]) @ data.xmat[body].reshape(3, 3)
    size: FloatArray = np.ptp(points, axis=0)
    return size


def _corners(model: mujoco.MjModel, data: mujoco.MjData, body: int) -> FloatArray:
    corners = [
        data.geom_xpos[geom]
        + (model.geom_aabb[geom, :3] + _CORNERS * model.geom_aabb[geom, 3:]) @ data.geom_xmat[geom].reshape(3, 3).T
        for geom in range(model.ngeom)
        if _hangs_on(model, int(model.geom_bodyid[geom]), body)
    ]
    points: FloatArray = np.concatenate(corners) if corners else data.xpos[body][None].copy()
    return points


def _view(world: World, body: int) -> ObjectView:
    model, data = world.model, world.data
    dofs, first, count = int(model.body_dofnum[body]), int(model.body_geomadr[body]), int(model.body_geomnum[body])
    lower, upper = box_around(model, data, body)
    position, quaternion = _pose(data, body)
    return ObjectView(
        model.body(body).name,
        {0: "fixed", FREE_DOFS: "free"}.get(dofs, "jointed"),
        tuple(KINDS.get(int(model.geom_type[geom]), "shape") for geom in range(first, first + min(count, MOST_SHAPES))),
        lower,
        upper,
        own_size(model, data, body),
        position,
        quaternion,
        float(model.body_subtreemass[body]),
        np.array(effective_colour(model, first), dtype=np.float64) if count else np.zeros(4),
    )


def _hangs_on(model: mujoco.MjModel, body: int, root: int) -> bool:
    while body > root:
        body = int(model.body_parentid[body])
    return body == root


def _pose(data: mujoco.MjData, body: int) -> tuple[FloatArray, FloatArray]:
    w, x, y, z = data.xquat[body].tolist()
    return data.xpos[body].copy(), np.array([x, y, z, w])
