"""Kinematics and dynamics of a still: poses, Jacobians, mass matrix, inverse dynamics, energies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ShapeError, UnknownNameError, WorldError
from strands_robots.sim.world.inspection import Still
from strands_robots.sim.world.model_names import BODY, JOINT, SITE, name_of, names_of, number_of

_SCALAR = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
_FREE_DOFS = ("x", "y", "z", "rx", "ry", "rz")


@dataclass(frozen=True)
class FrameKinematics:
    """A body's or site's pose and Jacobian.

    Attributes:
        position: Origin in the world frame (3,) [m].
        quaternion: Rotation (4,), xyzw.
        jacobian: (6, n): velocity of the origin, then angular velocity, world axes, for each degree of freedom.
    """

    position: FloatArray
    quaternion: FloatArray
    jacobian: FloatArray


@dataclass(frozen=True)
class Dynamics:
    """Results for n degrees of freedom.

    Attributes:
        names: Names of the degrees of freedom, n.
        frames: The frames asked for.
        mass_matrix: (n, n) [kg m^2] or [kg].
        bias_force: Gravity, Coriolis and centrifugal force (n,) [Nm] or [N].
        inverse_dynamics: Force for the accelerations, contacts and friction included (n,) [Nm] or [N].
        potential_energy, kinetic_energy: [J].
    """

    names: list[str]
    frames: list[FrameKinematics]
    mass_matrix: FloatArray
    bias_force: FloatArray
    inverse_dynamics: FloatArray
    potential_energy: float
    kinetic_energy: float


def scalar_joints(model: mujoco.MjModel, names: Sequence[str]) -> list[int]:
    """Return the numbers of hinge and slide joints.

    Raises:
        UnknownNameError: If one does not exist.
        WorldError: If one is a ball or free joint.
    """
    numbers = [number_of(model, JOINT, name) for name in names]
    for name, number in zip(names, numbers):
        if int(model.jnt_type[number]) not in _SCALAR:
            raise WorldError(f"joint '{name}' is no hinge or slide; valid: move its body with world/set_state")
    return numbers


def place_joints(
    still: Still,
    names: Sequence[str],
    positions: Sequence[float],
    velocities: Sequence[float],
    accelerations: Sequence[float] = (),
) -> None:
    """Put joints of a still somewhere; what is empty stays, accelerations (nv,) become zero.

    Args:
        still: The still; call `mj_forward` afterwards.
        names: Full joint names, D.
        positions: (D,) [rad] or [m].
        velocities: (D,) [rad/s] or [m/s].
        accelerations: (D,) [rad/s^2] or [m/s^2].

    Raises:
        UnknownNameError, WorldError: If a joint is not there or no hinge or slide.
        ShapeError: If a length is not D.
    """
    model, data = still.model, still.data
    numbers = scalar_joints(model, names)
    data.qacc[:] = 0.0
    for what, values, target, address in (
        ("positions", positions, data.qpos, model.jnt_qposadr),
        ("velocities", velocities, data.qvel, model.jnt_dofadr),
        ("accelerations", accelerations, data.qacc, model.jnt_dofadr),
    ):
        if len(values) not in (0, len(numbers)):
            raise ShapeError(f"{len(values)} {what} for {len(numbers)} joints; valid: one for each, or none")
        if not np.isfinite(values).all():
            raise WorldError(f"{what} hold values that are not finite")
        if len(values):
            target[address[numbers]] = values


def compute_dynamics(
    still: Still, dof_joints: Sequence[str] = (), frames: Sequence[str] = (), accelerations: FloatArray | None = None
) -> Dynamics:
    """Return kinematics and dynamics at the still's present positions and velocities.

    Args:
        still: The still.
        dof_joints: Full names of the joints whose degrees of freedom are wanted; empty takes all.
        frames: Bodies or sites.
        accelerations: Of every degree of freedom of the world (nv,); None takes zero.

    Raises:
        UnknownNameError: If a joint or frame is not there.

    Source: MuJoCo documentation, "Computation: inverse dynamics".
    """
    model, data = still.model, still.data
    mujoco.mj_forward(model, data)
    numbers = [number_of(model, JOINT, name) for name in dof_joints] if dof_joints else list(range(model.njnt))
    dofs = [dof for number in numbers for dof in _dofs(model, number)]
    mujoco.mj_energyPos(model, data)
    mujoco.mj_energyVel(model, data)
    energy = (float(data.energy[0]), float(data.energy[1]))
    full = np.zeros((model.nv, model.nv))
    if model.nv:
        _full_mass_matrix(model, data, full)
    poses = [_frame(still, name, dofs) for name in frames]
    bias = data.qfrc_bias[dofs].copy()
    data.qacc[:] = 0.0 if accelerations is None else accelerations
    mujoco.mj_inverse(model, data)
    return Dynamics(
        names=[name_of(model, JOINT, number) + suffix for number in numbers for suffix in _suffixes(model, number)],
        frames=poses,
        mass_matrix=np.ascontiguousarray(full[np.ix_(dofs, dofs)]),
        bias_force=bias,
        inverse_dynamics=data.qfrc_inverse[dofs].copy(),
        potential_energy=energy[0],
        kinetic_energy=energy[1],
    )


def energy(still: Still) -> tuple[float, float]:
    """Return potential energy (gravity, springs) and kinetic energy of the world [J]."""
    mujoco.mj_energyPos(still.model, still.data)
    mujoco.mj_energyVel(still.model, still.data)
    return float(still.data.energy[0]), float(still.data.energy[1])


def total_mass(model: mujoco.MjModel) -> float:
    """Return the mass of everything in the world [kg]."""
    return float(np.sum(model.body_mass))


def _frame(still: Still, name: str, dofs: list[int]) -> FrameKinematics:
    model, data = still.model, still.data
    linear, angular, quaternion = np.zeros((3, model.nv)), np.zeros((3, model.nv)), np.empty(4)
    body = int(mujoco.mj_name2id(model, BODY, name)) if name.isascii() and "\0" not in name else -1
    site = int(mujoco.mj_name2id(model, SITE, name)) if name.isascii() and "\0" not in name else -1
    if body >= 0:
        mujoco.mj_jacBody(model, data, linear, angular, body)
        position, quaternion = data.xpos[body].copy(), data.xquat[body].copy()
    elif site >= 0:
        mujoco.mj_jacSite(model, data, linear, angular, site)
        position = data.site_xpos[site].copy()
        mujoco.mju_mat2Quat(quaternion, data.site_xmat[site])
    else:
        valid = [each for each in (*names_of(model, BODY), *names_of(model, SITE)) if not each.startswith("#")]
        raise UnknownNameError("body or site", name, valid)
    return FrameKinematics(position, quaternion[[1, 2, 3, 0]], np.vstack([linear, angular])[:, dofs])


def _dofs(model: mujoco.MjModel, joint: int) -> range:
    first = int(model.jnt_dofadr[joint])
    return range(first, first + len(_suffixes(model, joint)))


def _suffixes(model: mujoco.MjModel, joint: int) -> tuple[str, ...]:
    kind = int(model.jnt_type[joint])
    if kind in _SCALAR:
        return ("",)
    names = _FREE_DOFS if kind == int(mujoco.mjtJoint.mjJNT_FREE) else _FREE_DOFS[3:]
    return tuple(f":{name}" for name in names)


def _full_mass_matrix(model: mujoco.MjModel, data: mujoco.MjData, out: FloatArray) -> None:
    if hasattr(data, "qM"):
        mujoco.mj_fullM(model, out, data.qM)
    else:
        mujoco.mj_fullM(model, data, out)
