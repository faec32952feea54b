"""What a still of the world shows: bodies, joints, shapes, sensors, contacts. SI, world frame, quaternions xyzw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import UnknownNameError
from strands_robots.sim.world.inspection import Still
from strands_robots.sim.world.model_names import BODY, GEOM, JOINT, SENSOR, is_named, name_of, names_of

JOINT_TYPES = {0: "free", 1: "ball", 2: "slide", 3: "hinge"}
_POSITIONS = {"free": 7, "ball": 4, "slide": 1, "hinge": 1}
_VELOCITIES = {"free": 6, "ball": 3, "slide": 1, "hinge": 1}


@dataclass(frozen=True)
class BodyView:
    """One body.

    Attributes:
        name, parent: Names.
        position: Origin (3,) [m].
        quaternion: Rotation (4,), xyzw.
        linear_velocity, angular_velocity: Of the origin, world axes (3,) [m/s], [rad/s].
        mass: Mass of this body alone [kg].
        center_of_mass: (3,) [m].
        contact_force, contact_torque: Sum of its contact forces (3,) [N], and torque about its centre of mass (3,) [Nm].
        is_free: True when it has a free joint.
    """

    name: str
    parent: str
    position: FloatArray
    quaternion: FloatArray
    linear_velocity: FloatArray
    angular_velocity: FloatArray
    mass: float
    center_of_mass: FloatArray
    contact_force: FloatArray
    contact_torque: FloatArray
    is_free: bool


@dataclass(frozen=True)
class JointView:
    """One joint; arrays as in msg/JointInfo."""

    name: str
    body: str
    type: str
    position: FloatArray
    velocity: FloatArray
    actuator_force: FloatArray
    constraint_force: FloatArray
    range: FloatArray
    damping: float
    armature: float
    friction_loss: float


@dataclass(frozen=True)
class GeomView:
    """One shape; size (3,) as MuJoCo has it [m], friction (3,), colour (4,) from 0 to 1."""

    name: str
    body: str
    type: str
    size: FloatArray
    position: FloatArray
    quaternion: FloatArray
    friction: FloatArray
    rgba: FloatArray
    collides: bool


@dataclass(frozen=True)
class SensorView:
    """One sensor and what it measures."""

    name: str
    type: str
    values: FloatArray


@dataclass(frozen=True)
class ContactView:
    """One contact.

    Attributes:
        geoms, bodies: Names of both sides.
        position: (3,) [m].
        normal: From the first shape to the second (3,).
        distance: [m]; negative when they overlap.
        force, torque: Of the first shape on the second at `position`, world axes (3,) [N], [Nm].
    """

    geoms: tuple[str, str]
    bodies: tuple[str, str]
    position: FloatArray
    normal: FloatArray
    distance: float
    force: FloatArray
    torque: FloatArray


def bodies(still: Still, wanted: Sequence[str] = ()) -> list[BodyView]:
    """Return the bodies with these names, the world itself left out; see `lookup.is_named`."""
    model, data = still.model, still.data
    forces, torques = _contact_wrenches(still)
    views, velocity = [], np.empty(6)
    for i in range(1, model.nbody):
        name = name_of(model, BODY, i)
        if not is_named(name, wanted):
            continue
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, i, velocity, 0)
        first = int(model.body_jntadr[i])
        views.append(BodyView(
            name, name_of(model, BODY, int(model.body_parentid[i])), data.xpos[i].copy(), data.xquat[i][[1, 2, 3, 0]],
            velocity[3:].copy(), velocity[:3].copy(), float(model.body_mass[i]), data.xipos[i].copy(), forces[i], torques[i],
            first >= 0 and JOINT_TYPES[int(model.jnt_type[first])] == "free",
        ))  # fmt: skip
    return views


def joints(still: Still, wanted: Sequence[str] = ()) -> list[JointView]:
    """Return the joints with these names."""
    model, data = still.model, still.data
    views = []
    for i in range(model.njnt):
        name = name_of(model, JOINT, i)
        if not is_named(name, wanted):
            continue
        kind = JOINT_TYPES[int(model.jnt_type[i])]
        q = slice(int(model.jnt_qposadr[i]), int(model.jnt_qposadr[i]) + _POSITIONS[kind])
        v = slice(int(model.jnt_dofadr[i]), int(model.jnt_dofadr[i]) + _VELOCITIES[kind])
        position = data.qpos[q].copy()
        if kind in ("free", "ball"):
            position[-4:] = position[-4:][[1, 2, 3, 0]]
        views.append(JointView(
            name, name_of(model, BODY, int(model.jnt_bodyid[i])), kind, position, data.qvel[v].copy(),
            data.qfrc_actuator[v].copy(), data.qfrc_constraint[v].copy(),
            model.jnt_range[i].copy() if model.jnt_limited[i] else np.empty(0),
            float(model.dof_damping[v.start]), float(model.dof_armature[v.start]), float(model.dof_frictionloss[v.start]),
        ))  # fmt: skip
    return views


def geoms(still: Still, wanted: Sequence[str] = ()) -> list[GeomView]:
    """Return the shapes with these names, and those of bodies with these names."""
    model, data = still.model, still.data
    views, quaternion = [], np.empty(4)
    for i in range(model.ngeom):
        name, body = name_of(model, GEOM, i), name_of(model, BODY, int(model.geom_bodyid[i]))
        if not is_named(name, wanted) and not is_named(body, wanted):
            continue
        mujoco.mju_mat2Quat(quaternion, data.geom_xmat[i])
        material = int(model.geom_matid[i])
        rgba = model.mat_rgba[material] if material >= 0 else model.geom_rgba[i]
        views.append(GeomView(
            name, body, mujoco.mjtGeom(int(model.geom_type[i])).name.removeprefix("mjGEOM_").lower(),
            model.geom_size[i].copy(), data.geom_xpos[i].copy(), quaternion[[1, 2, 3, 0]], model.geom_friction[i].copy(),
            rgba.astype(np.float64), bool(model.geom_contype[i] or model.geom_conaffinity[i]),
        ))  # fmt: skip
    return views


def sensors(still: Still, wanted: Sequence[str] = ()) -> list[SensorView]:
    """Return the sensors with these names."""
    model, data = still.model, still.data
    return [
        SensorView(
            name_of(model, SENSOR, i),
            mujoco.mjtSensor(int(model.sensor_type[i])).name.removeprefix("mjSENS_").lower(),
            data.sensordata[int(model.sensor_adr[i]) : int(model.sensor_adr[i] + model.sensor_dim[i])].copy(),
        )
        for i in range(model.nsensor)
        if is_named(name_of(model, SENSOR, i), wanted)
    ]


def contacts(still: Still, wanted: Sequence[str] = ()) -> list[ContactView]:
    """Return the contacts of bodies or shapes with these names."""
    model = still.model
    views = []
    for contact, force, torque in _contact_forces(still):
        numbers = (int(contact.geom1), int(contact.geom2))
        names = tuple(name_of(model, GEOM, number) for number in numbers)
        owners = tuple(name_of(model, BODY, int(model.geom_bodyid[number])) for number in numbers)
        if any(is_named(name, wanted) for name in (*names, *owners)):
            views.append(ContactView(
                (names[0], names[1]), (owners[0], owners[1]), contact.pos.copy(), contact.frame[:3].copy(),
                float(contact.dist), force, torque,
            ))  # fmt: skip
    return views


def require_names(still: Still, wanted: Sequence[str]) -> None:
    """Check that each wanted name is one of a body, joint, shape or sensor.

    Raises:
        UnknownNameError: If one is not.
    """
    model = still.model
    known = [name for part in (BODY, JOINT, GEOM, SENSOR) for name in names_of(model, part)]
    for name in wanted:
        if name not in known and not (name.endswith("/") and any(each.startswith(name) for each in known)):
            raise UnknownNameError("body, joint, shape or sensor", name, {each for each in known if each[0] != "#"})


def _contact_forces(still: Still) -> Iterator[tuple[mujoco.MjContact, FloatArray, FloatArray]]:
    """Yield each contact, and force and torque of its first side on its second in world axes."""
    model, data, local = still.model, still.data, np.empty(6)
    for number in range(data.ncon):
        contact = data.contact[number]
        mujoco.mj_contactForce(model, data, number, local)
        axes = contact.frame.reshape(3, 3)
        yield contact, axes.T @ local[:3], axes.T @ local[3:]


def _contact_wrenches(still: Still) -> tuple[FloatArray, FloatArray]:
    model, data = still.model, still.data
    forces, torques = np.zeros((model.nbody, 3)), np.zeros((model.nbody, 3))
    for contact, force, torque in _contact_forces(still):
        for geom, sign in ((contact.geom1, -1.0), (contact.geom2, 1.0)):
            body = int(model.geom_bodyid[int(geom)])
            forces[body] += sign * force
            torques[body] += sign * (torque + np.cross(contact.pos - data.xipos[body], force))
    return forces, torques
