"""Which actuator of a model moves which joint, and how a joint position becomes its control value.

A world is commanded in joint positions, so each commanded joint needs a position servo. A servo is recognised by its force law
force = g0 ctrl + b0 + b1 length + b2 velocity with b1 < 0: it rests where length = (g0 ctrl + b0) / -b1.

Source: MuJoCo documentation, "Computation: Actuation model" and "XML reference: actuator/position".
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco

from strands_robots.core.errors import ModelError
from strands_robots.description.robot_config import JointConfig

# Position error at which an added servo gives its full effort; published arms lie between 0.02 and 0.19 rad.
FULL_EFFORT_ERROR = {int(mujoco.mjtJoint.mjJNT_HINGE): 0.05, int(mujoco.mjtJoint.mjJNT_SLIDE): 0.005}
# Natural frequency [rad/s] of an added servo on a bare joint; sets the reflected rotor inertia of joints that declare none.
SERVO_FREQUENCY = 100.0

_JOINT_TRANSMISSIONS = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))
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
        joint, ratio = _driven_joint(model, actuator)
        if joint is None or joint in servos or ratio == 0.0:
            continue
        gain, bias = float(model.actuator_gainprm[actuator, 0]), model.actuator_biasprm[actuator]
        scale, offset = -float(bias[1]) * ratio / gain, -float(bias[0]) / gain
        # A plain servo is ctrl = position exactly, without the rounding of the division.
        servos[joint] = PositionServo(
            actuator, joint, 1.0 if abs(scale - 1.0) < 1e-12 else scale, offset if offset else 0.0
        )
    return servos


def other_actuators(model: mujoco.MjModel) -> dict[int, str]:
    """Return joint number -> name of an actuator that moves the joint but is no position servo."""
    others: dict[int, str] = {}
    for actuator in range(actuator_count(model)):
        joint, _ = _driven_joint(model, actuator)
        if joint is not None and not _is_position_servo(model, actuator):
            others[joint] = model.actuator(actuator).name or f"number {actuator}"
    return others


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


def _is_position_servo(model: mujoco.MjModel, actuator: int) -> bool:
    return (
        int(model.actuator_gaintype[actuator]) == int(mujoco.mjtGain.mjGAIN_FIXED)
        and int(model.actuator_biastype[actuator]) == int(mujoco.mjtBias.mjBIAS_AFFINE)
        and int(model.actuator_dyntype[actuator]) in _STATIC_DYNAMICS
        and float(model.actuator_gainprm[actuator, 0]) != 0.0
        and float(model.actuator_biasprm[actuator, 1]) < 0.0
    )


def _driven_joint(model: mujoco.MjModel, actuator: int) -> tuple[int | None, float]:
    """Return the joint that an actuator moves and actuator length per joint position.

    A fixed tendon counts for its first joint, its other joints moving alike, as the fingers of a gripper do.
    """
    gear = float(model.actuator_gear[actuator, 0])
    kind, target = int(model.actuator_trntype[actuator]), int(model.actuator_trnid[actuator, 0])
    if kind in _JOINT_TRANSMISSIONS:
        return target, gear
    if kind == int(mujoco.mjtTrn.mjTRN_TENDON):
        first = int(model.tendon_adr[target])
        wraps = range(first, first + int(model.tendon_num[target]))
        if all(int(model.wrap_type[wrap]) == int(mujoco.mjtWrap.mjWRAP_JOINT) for wrap in wraps):
            return int(model.wrap_objid[first]), gear * float(sum(model.wrap_prm[wrap] for wrap in wraps))
    return None, 0.0


def require_servo(model: mujoco.MjModel, joint: int, source: str) -> PositionServo:
    """Return the position servo of a joint.

    Raises:
        ModelError: If the joint has none; the message says how to get one.
    """
    servo = position_servos(model).get(joint)
    if servo is not None:
        return servo
    name = model.joint(joint).name
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
