"""What efforts a motion asks of a robot's joints: inverse dynamics of its own model, with nothing in its gripper. No I/O."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeAlias

import mujoco

from strands_robots.core.arrays import FloatArray
from strands_robots.motion.arm import Arm

InverseDynamics: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""Efforts (D',) [Nm] or [N] for positions, velocities and accelerations (D',) each of the joints that move."""

_LEFT_OUT = (
    mujoco.mjtDisableBit.mjDSBL_CONSTRAINT,  # contacts, limits, dry friction
    mujoco.mjtDisableBit.mjDSBL_DAMPER,  # of models for simulation, where it often stands for the servo's own control
    mujoco.mjtDisableBit.mjDSBL_SPRING,
)


def inverse_dynamics(arm: Arm, columns: list[int], start: FloatArray) -> InverseDynamics:
    """Return the inverse dynamics of some joints, while the others rest.

    Inertia, rotors' inertia, Coriolis forces and gravity count. Friction and damping do not, nor does what the gripper holds: its mass is
    not known.

    Args:
        arm: The robot.
        columns: Joints that move.
        start: Positions (D,) of all joints; the others stay there [rad] or [m].

    Source: MuJoCo documentation, "Inverse dynamics".
    """
    model = copy.copy(arm.model)
    for flag in _LEFT_OUT:
        model.opt.disableflags |= int(flag)
    data = mujoco.MjData(model)
    data.qpos[arm.qpos_address] = start
    places, dofs = arm.qpos_address[columns], arm.dof_address[columns]

    def efforts(position: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> FloatArray:
        data.qpos[places], data.qvel[dofs], data.qacc[dofs] = position, velocity, acceleration
        mujoco.mj_inverse(model, data)
        needed: FloatArray = data.qfrc_inverse[dofs].copy()
        return needed

    return efforts
