"""Which actuator of a model moves which joint, and how a joint position becomes its control value.

A world is commanded in joint positions, so each commanded joint needs a position servo. A servo is recognised by its force law
force = g0 ctrl + b0 + b1 length + b2 velocity with b1 < 0: it rests where length = (g0 ctrl + b0) / -b1.

Source: MuJoCo documentation, "Computation: Actuation model" and "XML reference: actuator/position".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.errors import ModelError
from strands_robots.description.robot_config import JointConfig
from strands_robots.description.transmissions import JOINT_TRANSMISSIONS, driven_joint, moved_joints

# Position error at which an added servo gives its full effort; published arms lie between 0.02 and 0.19 rad.
FULL_EFFORT_ERROR = {int(mujoco.mjtJoint.mjJNT_HINGE): 0.05, int(mujoco.mjtJoint.mjJNT_SLIDE): 0.005}
# Natural frequency [rad/s] of an added servo on a bare joint; sets the reflected rotor inertia of joints that declare none.
SERVO_FREQUENCY = 100.0

# Position error for each velocity that a servo made of a velocity servo closes [1/s].
WHEEL_RATE = 20.0

_STATIC_DYNAMICS = (
    int(mujoco.mjtDyn.mjDYN_NONE),
    int(mujoco.mjtDyn.mjDYN_FILTER),
    int(mujoco.mjtDyn.mjDYN_FILTEREXACT),
)


@dataclass(frozen=True)
class PositionServo:
    """A position servo: ctrl = scale * joint position + offset.

    Attributes:
        actuator: Actuator number in the model.
        joint: Joint number in the model.
        scale, offset: Control units per joint position, and control at position 0.
    """

    actuator: int
    joint: int
    scale: float
    offset: float


def ctrl_address(model: mujoco.MjModel, actuator: int) -> int:
    """Return the index in `ctrl` of an actuator; since MuJoCo 3.15 an actuator may have several inputs."""
    if hasattr(model, "actuator_ctrladr"):
        return int(model.actuator_ctrladr[actuator])
    return actuator


def actuator_count(model: mujoco.MjModel) -> int:
    """Return the number of actuators."""
    return int(getattr(model, "nactuator", model.nu))


def position_servos(model: mujoco.MjModel) -> dict[int, PositionServo]:
    """Return joint number -> servo, for every joint that a position servo moves."""
    servos: dict[int, PositionServo] = {}
    for actuator in range(actuator_count(model)):
        if not _is_position_servo(model, actuator):
            continue
        driven = driven_joint(model, actuator)
        if driven is None or driven.joint in servos:
            continue
        gain, bias = float(model.actuator_gainprm[actuator, 0]), model.actuator_biasprm[actuator]
        scale = -float(bias[1]) * driven.ratio / gain
        offset = -(float(bias[0]) + float(bias[1]) * driven.offset) / gain
        # A plain servo is ctrl = position exactly, without the rounding of the division.
        scale = 1.0 if abs(scale - 1.0) < 1e-12 else scale
        servos[driven.joint] = PositionServo(actuator, driven.joint, scale, offset if offset else 0.0)
    return servos


def velocity_servos(model: mujoco.MjModel) -> dict[int, int]:
    """Return joint number -> actuator, for every joint without limits that only a velocity servo moves, as a wheel."""
    wheels: dict[int, int] = {}
    moved = position_servos(model)
    for actuator in range(actuator_count(model)):
        driven = driven_joint(model, actuator)
        if driven is None or driven.joint in moved or driven.joint in wheels or model.jnt_limited[driven.joint]:
            continue
        if int(model.actuator_trntype[actuator]) in JOINT_TRANSMISSIONS and _is_velocity_servo(model, actuator):
            wheels[driven.joint] = actuator
    return wheels


def torque_motors(model: mujoco.MjModel) -> dict[int, int]:
    """Return joint number -> actuator, for a model whose joints are all moved by motors for torque; empty for every other model.

    Such a model leaves the control law to its user, so that position servos can take the motors' places.
    """
    motors: dict[int, int] = {}
    for actuator in range(actuator_count(model)):
        driven = driven_joint(model, actuator)
        if driven is None:
            continue
        is_motor = (
            int(model.actuator_gaintype[actuator]) == int(mujoco.mjtGain.mjGAIN_FIXED)
            and int(model.actuator_biastype[actuator]) == int(mujoco.mjtBias.mjBIAS_NONE)
            and int(model.actuator_dyntype[actuator]) in _STATIC_DYNAMICS
            and int(model.actuator_trntype[actuator]) in JOINT_TRANSMISSIONS
        )
        if not is_motor or driven.joint in motors:
            return {}
        motors[driven.joint] = actuator
    return motors


def motor_effort(model: mujoco.MjModel, actuator: int) -> float:
    """Return the most that a motor gives at its joint [Nm] or [N]; infinite where the file does not limit it."""
    gear = abs(float(model.actuator_gear[actuator, 0]))
    effort = np.inf
    if model.actuator_ctrllimited[actuator]:
        effort = float(np.abs(model.actuator_ctrlrange[actuator] * model.actuator_gainprm[actuator, 0]).max())
    if model.actuator_forcelimited[actuator]:
        effort = min(effort, float(np.abs(model.actuator_forcerange[actuator]).max()))
    return effort * gear


def remove_motors(spec: mujoco.MjSpec, motors: Collection[int]) -> None:
    """Delete actuators by their numbers, with the sensors that measure them."""
    gone = [actuator for actuator in spec.actuators if int(actuator.id) in motors]
    names = {actuator.name for actuator in gone if actuator.name}
    for sensor in list(spec.sensors):
        if int(sensor.objtype) == int(mujoco.mjtObj.mjOBJ_ACTUATOR) and sensor.objname in names:
            spec.delete(sensor)
    for actuator in gone:
        spec.delete(actuator)


def other_actuators(model: mujoco.MjModel) -> dict[int, str]:
    """Return joint number -> name of an actuator that moves the joint but is no position servo."""
    others: dict[int, str] = {}
    for actuator in range(actuator_count(model)):
        driven = driven_joint(model, actuator)
        if driven is not None and not _is_position_servo(model, actuator):
            others[driven.joint] = actuator_name(model, actuator)
    return others


def require_known_actuators(model: mujoco.MjModel, source: str) -> None:
    """Refuse a model whose actuators all act on something else than a joint.

    Raises:
        ModelError: If it is one; the message says how to make its joints move.
    """
    if not actuator_count(model) or position_servos(model) or other_actuators(model):
        return
    names = ", ".join(actuator_name(model, i) for i in range(min(actuator_count(model), 5)))
    raise ModelError(
        f'the actuators of \'{source}\' ({names}) act on no joint; valid: <position joint="..." kp="..." kv="..."/> for each joint '
        "to be commanded, or no actuator at all, then joints get servos from their effort limits"
    )


def actuator_name(model: mujoco.MjModel, actuator: int) -> str:
    """Return an actuator's name, or its number in words."""
    return model.actuator(actuator).name or f"number {actuator}"


def add_servos(spec: mujoco.MjSpec, joints: dict[str, JointConfig]) -> None:
    """Give each named joint of a model without actuators a position servo.

    The gain gives the joint's full effort at `FULL_EFFORT_ERROR`, the damping is critical at the model's zero position, and a joint
    without declared armature gets the rotor inertia that a geared servo of this gain would have, which keeps light links stable.
    """
    for name, config in joints.items():
        joint = spec.joint(name)
        kp = config.effort / FULL_EFFORT_ERROR[int(joint.type)]
        if float(joint.armature) == 0.0:
            joint.armature = kp / SERVO_FREQUENCY**2
        servo = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_position(kp=kp, dampratio=1.0)
        servo.forcerange = [-config.effort, config.effort]
        servo.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE


def turn_into_position_servos(spec: mujoco.MjSpec, wheels: Iterable[int]) -> None:
    """Make position servos of velocity servos, with the same torque for each difference in velocity.

    A position that moves at some velocity then turns the joint at that velocity, and one that rests holds it.
    """
    for actuator in spec.actuators:
        if int(actuator.id) in wheels:
            damping = -float(actuator.biasprm[2])
            actuator.set_to_position(kp=damping * WHEEL_RATE, kv=damping)
            actuator.ctrllimited = mujoco.mjtLimited.mjLIMITED_FALSE  # its range was one of velocities
            actuator.inheritrange = 0.0


def _is_position_servo(model: mujoco.MjModel, actuator: int) -> bool:
    return _has_fixed_gain(model, actuator) and float(model.actuator_biasprm[actuator, 1]) < 0.0


def _is_velocity_servo(model: mujoco.MjModel, actuator: int) -> bool:
    bias = model.actuator_biasprm[actuator]
    return _has_fixed_gain(model, actuator) and float(bias[1]) == 0.0 and float(bias[2]) < 0.0


def _has_fixed_gain(model: mujoco.MjModel, actuator: int) -> bool:
    return (
        int(model.actuator_gaintype[actuator]) == int(mujoco.mjtGain.mjGAIN_FIXED)
        and int(model.actuator_biastype[actuator]) == int(mujoco.mjtBias.mjBIAS_AFFINE)
        and int(model.actuator_dyntype[actuator]) in _STATIC_DYNAMICS
        and float(model.actuator_gainprm[actuator, 0]) != 0.0
    )


def _rivals(model: mujoco.MjModel, joint: int) -> list[str]:
    """Return the actuators that pull a joint to a position, each to its own."""
    return [
        actuator_name(model, actuator)
        for actuator in range(actuator_count(model))
        if int(model.actuator_biastype[actuator]) == int(mujoco.mjtBias.mjBIAS_AFFINE)
        and float(model.actuator_biasprm[actuator, 1]) != 0.0
        and joint in moved_joints(model, actuator)
    ]


def require_servo(model: mujoco.MjModel, joint: int, source: str) -> PositionServo:
    """Return the position servo of a joint.

    Raises:
        ModelError: If the joint has none, or several; the message says how to get one.
    """
    servo = position_servos(model).get(joint)
    name = model.joint(joint).name
    if servo is not None:
        rivals = _rivals(model, joint)
        if len(rivals) > 1:
            raise ModelError(
                f"joint '{name}' of '{source}' is pulled to positions by {len(rivals)} actuators ({', '.join(rivals)}), of which only "
                "one would be commanded; valid: one position servo for each joint"
            )
        return servo
    other = other_actuators(model).get(joint)
    remedy = (
        f'give it <position joint="{name}" kp="..." kv="..."/> in the model; a model without any actuator gets servos from the '
        "effort limits of its joints"
    )
    if other is not None:
        raise ModelError(
            f"joint '{name}' of '{source}' is moved by actuator '{other}', which is no position servo; {remedy}"
        )
    raise ModelError(f"joint '{name}' of '{source}' has no actuator although other joints have; {remedy}")


def actuator_group(model: mujoco.MjModel, robot: str) -> int:
    """Return the actuator group of a robot."""
    groups = {
        int(model.actuator_group[i])
        for i in range(actuator_count(model))
        if model.actuator(i).name.startswith(f"{robot}/")
    }
    return groups.pop() if len(groups) == 1 else 0
