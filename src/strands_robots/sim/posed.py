"""A world's state with one robot elsewhere, for a picture of where it would go. Nothing moves. No I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.description.equality_joints import Followers
from strands_robots.sim.render.views import FreeView, view_around
from strands_robots.sim.world.world import World

SIDES = ((math.radians(200.0), math.radians(-25.0)), (math.radians(110.0), math.radians(-15.0)))
"""Azimuth and elevation of the views of a robot [rad]: from the front, and from its side."""

_CLOSEST = 0.7
_MARGIN = 2.2


def posed_state(
    world: World, model: mujoco.MjModel, state: FloatArray, robot: str, names: Sequence[str], positions: Sequence[float]
) -> FloatArray:
    """Return a copy of a state in which some joints of a robot stand elsewhere.

    Args:
        world: The world.
        model: The model that the state belongs to.
        state: State (n,) from `World.get_state`: time, then the generalised positions.
        robot: Name of the robot.
        names: Joints.
        positions: Where to, one for each [rad] or [m].

    Raises:
        UnknownNameError: If there is no such robot or joint.
        ConfigurationError: If a position is outside of its limits, or their number is not that of the names.
    """
    if robot not in world.robots:
        raise UnknownNameError("robot", robot, world.robots)
    limits = world.robots[robot].limits
    if len(names) != len(positions):
        raise ConfigurationError(f"{len(names)} joint names and {len(positions)} positions given; valid: as many")
    posed = state.copy()
    first = mujoco.mj_stateSize(model, int(mujoco.mjtState.mjSTATE_TIME))
    qpos = posed[first : first + model.nq]
    for name, position in zip(names, positions):
        if name not in limits.index:
            raise UnknownNameError("joint", name, limits.names)
        low, high = float(limits.lower[limits.index[name]]), float(limits.upper[limits.index[name]])
        if not low - 1e-6 <= position <= high + 1e-6:
            raise ConfigurationError(f"position of '{name}' is {position:.6g}; valid: {low:.6g} to {high:.6g}")
        qpos[model.joint(f"{robot}/{name}").qposadr[0]] = position
    Followers(model, [model.joint(f"{robot}/{name}").id for name in limits.names]).place(qpos)
    return posed


def views_of(world: World, robot: str) -> list[FreeView]:
    """Return views of a robot from two sides, far enough for all of it.

    Raises:
        UnknownNameError: If there is no such robot.
    """
    if robot not in world.robots:
        raise UnknownNameError("robot", robot, world.robots)
    model, data = world.model, world.data
    joints = [model.joint(f"{robot}/{name}").id for name in world.robots[robot].joint_names]
    bodies = sorted({int(model.jnt_bodyid[joint]) for joint in joints})
    places = np.array([data.xpos[body] for body in bodies])
    base = places[0]
    distance = max(_CLOSEST, _MARGIN * float(np.linalg.norm(places - base, axis=1).max()))
    middle = (float(base[0]), float(base[1]), float(places[:, 2].mean()))
    return [view_around(f"side{number}", middle, distance, *side) for number, side in enumerate(SIDES)]
