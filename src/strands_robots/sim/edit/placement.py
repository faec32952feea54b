"""Puts objects and joints of a running world somewhere, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError, WorldError
from strands_robots.core.number_text import outside
from strands_robots.sim.query.dynamics import scalar_joints
from strands_robots.sim.world.checks import FARTHEST, Vector, checked_position, unit_quaternion
from strands_robots.sim.world.model_names import BODY, number_of

if TYPE_CHECKING:
    from strands_robots.sim.world.world import World


@dataclass(frozen=True)
class EntityPlacement:
    """Where a free object goes.

    Attributes:
        name: Name of the object.
        position: Origin in the world frame [m].
        quaternion: Rotation, xyzw; normalised, all zeros for none.
        linear_velocity, angular_velocity: Of the origin, world axes [m/s], [rad/s].
    """

    name: str
    position: Vector
    quaternion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    linear_velocity: Vector = (0.0, 0.0, 0.0)
    angular_velocity: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class JointPlacement:
    """Where hinges and slides go.

    Attributes:
        names: Full joint names, D.
        positions: (D,) [rad] or [m]; empty keeps the present ones.
        velocities: (D,) [rad/s] or [m/s]; empty sets zero.
    """

    names: Sequence[str] = ()
    positions: Sequence[float] = ()
    velocities: Sequence[float] = field(default=())


def place(world: World, entities: Sequence[EntityPlacement] = (), joints: JointPlacement | None = None) -> None:
    """Put objects and joints somewhere. Robots then aim at where they are; nothing changes when anything is refused.

    Raises:
        UnknownNameError: If an object or joint is not there.
        ShapeError: If a length does not fit.
        WorldError: If an object is not free, a joint is no hinge or slide or leaves its limits, or a value is not possible.
    """
    joints = joints or JointPlacement()
    with world.lock:
        qpos, qvel = world.data.qpos.copy(), world.data.qvel.copy()
        for entity in entities:
            _place_entity(world.model, entity, qpos, qvel)
        _place_joints(world.model, joints, qpos, qvel)
        world.set_positions(qpos, qvel)


def move_mocap(world: World, names: Sequence[str]) -> None:
    """Put mocap bodies, which are moved from outside, to where the description has them; what is welded to them follows.

    Args:
        world: The world.
        names: Names of mocap bodies.
    """
    with world.lock:
        model, data = world.model, world.data
        for name in names:
            body = model.body(name)
            number = int(model.body_mocapid[body.id])
            data.mocap_pos[number], data.mocap_quat[number] = body.pos, body.quat
        mujoco.mj_forward(model, data)


def _place_entity(model: mujoco.MjModel, entity: EntityPlacement, qpos: FloatArray, qvel: FloatArray) -> None:
    joint = int(model.body_jntadr[number_of(model, BODY, entity.name)])
    if joint < 0 or int(model.jnt_type[joint]) != int(mujoco.mjtJoint.mjJNT_FREE):
        raise WorldError(
            f"'{entity.name}' is not free to move; valid: an object with a free joint, or world/edit to move it"
        )
    if not np.isfinite([*entity.linear_velocity, *entity.angular_velocity]).all():
        raise WorldError(f"velocity of '{entity.name}' is not finite")
    q, v = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
    qpos[q : q + 3] = checked_position(entity.name, entity.position)
    quaternion = qpos[q + 3 : q + 7] = unit_quaternion(entity.name, entity.quaternion)
    qvel[v : v + 3] = entity.linear_velocity
    inverse, local = np.empty(4), np.empty(3)
    mujoco.mju_negQuat(inverse, quaternion)
    mujoco.mju_rotVecQuat(local, np.array(entity.angular_velocity, dtype=np.float64), inverse)
    qvel[v + 3 : v + 6] = local


def _place_joints(model: mujoco.MjModel, joints: JointPlacement, qpos: FloatArray, qvel: FloatArray) -> None:
    numbers = scalar_joints(model, joints.names)
    for what, values in (("positions", joints.positions), ("velocities", joints.velocities)):
        if len(values) not in (0, len(numbers)):
            raise ShapeError(f"{len(values)} {what} for {len(numbers)} joints; valid: one for each, or none")
        if not np.isfinite(values).all():
            raise WorldError(f"{what} hold values that are not finite")
    for i, (name, number) in enumerate(zip(joints.names, numbers)):
        if len(joints.positions):
            lower, upper = (float(value) for value in model.jnt_range[number])
            position = float(joints.positions[i])
            if model.jnt_limited[number] and not lower - 1e-9 <= position <= upper + 1e-9:
                raise WorldError(f"position of joint '{name}' is {outside(position, lower, upper)}")
            if abs(position) > FARTHEST:
                raise WorldError(f"position {position:.6g} of joint '{name}' given; valid: at most {FARTHEST:g}")
            qpos[int(model.jnt_qposadr[number])] = position
        qvel[int(model.jnt_dofadr[number])] = float(joints.velocities[i]) if len(joints.velocities) else 0.0
