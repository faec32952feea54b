"""A robot's model file made ready to be attached to a world, and the description of a model that has none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
from pydantic import ValidationError

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ModelError
from strands_robots.core.validation import problems_of
from strands_robots.description.base_contacts import name_bodies
from strands_robots.description.file_camera import file_camera, is_fixed
from strands_robots.description.file_rule import ANY_FILE, FileRule
from strands_robots.description.fused_visuals import fuse_visuals
from strands_robots.description.model_file import compile_model, open_model, read_root
from strands_robots.description.robot_config import JointConfig, RobotConfig
from strands_robots.description.servos import (
    add_servos,
    motor_effort,
    other_actuators,
    position_servos,
    remove_motors,
    require_known_actuators,
    require_servo,
    torque_motors,
    turn_into_position_servos,
    velocity_servos,
)
from strands_robots.description.urdf_limits import soft_limits, unlimited, velocity_limits

# Assumed for what a bare model file does not say; describe_model writes into the description that it did.
ASSUMED_VELOCITY = 2.0  # [rad/s] or [m/s]
ASSUMED_ACCELERATION = 10.0  # [rad/s^2] or [m/s^2]
ASSUMED_EFFORT = 10.0  # [Nm] or [N]
LIMIT_TOLERANCE = 1e-3  # [rad] or [m]; limits are written with few digits

_SCALAR_JOINTS = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


@dataclass(frozen=True)
class RobotModel:
    """A robot's spec, checked against its configuration, with a position servo on every commanded joint.

    Attributes:
        spec: To be attached to a world, once.
        path: The file it came from.
        box: Corners (2, 3) of what its shapes take up at home and at position 0, in the frame of its base [m].
    """

    spec: mujoco.MjSpec
    path: Path
    box: FloatArray


def load_robot_model(config: RobotConfig, name: str, rule: FileRule = ANY_FILE) -> RobotModel:
    """Open a robot's model (MJCF before URDF) and check it against its configuration.

    Left out of the model: keyframes (home comes from the configuration), and planes and lights of its world body, which a world has.

    Args:
        config: The robot's description.
        name: The robot's name in the world, for messages.
        rule: Which files the model may consist of.

    Raises:
        ModelError: If the file cannot be used, or does not have what the configuration names.
    """
    path = config.mjcf if config.mjcf is not None else config.urdf
    if path is None:
        raise ModelError(f"robot '{name}' has neither an MJCF nor a URDF file")
    role = f"robot '{name}'"
    spec = open_model(path, role, rule)
    for key in list(spec.keys):
        spec.delete(key)
    _strip_surroundings(spec)
    name_bodies(spec)
    model = compile_model(spec, path, role)
    _check_joints(config, model, path)
    _check_cameras(config, model, path)
    require_known_actuators(model, str(path))
    motors = torque_motors(model)
    known = _scalar_joints(model)
    if not position_servos(model) and not other_actuators(model):
        add_servos(spec, config.joints)
    elif motors and all(known[name] in motors for name in config.joints):
        remove_motors(spec, set(motors.values()))
        add_servos(spec, config.joints)
    else:
        turn_into_position_servos(spec, _check_servos(config, model, path))
    box = _box(config, model)
    fuse_visuals(spec, model)
    return RobotModel(spec, path, box)


def describe_model(path: Path, rule: FileRule = ANY_FILE) -> RobotConfig:
    """Return the description of any MJCF or URDF arm: the joints with a position servo, or all joints of a model without actuators.

    Limits come from the file; what it does not say (velocity in MJCF, acceleration always) is assumed and named in `description`.

    Args:
        path: MJCF or URDF file.
        rule: Which files it may consist of.

    Raises:
        ModelError: If the file cannot be used, or a joint is moved by something else than a position servo.
    """
    path = Path(path).expanduser().absolute()
    role = "a robot to be described"
    spec = open_model(path, role, rule)
    name_bodies(spec)
    model = compile_model(spec, path, role)
    joints = _commanded_joints(model, path)
    stated = _StatedLimits.of(read_root(path, role, rule))
    assumed = {"acceleration"}
    try:
        return _describe(path, spec.modelname, model, joints, stated, assumed)
    except ValidationError as error:
        raise ModelError(f"'{path}' cannot be described: {problems_of(error, path.name)}") from error


def _describe(
    path: Path, title: str, model: mujoco.MjModel, joints: list[int], stated: _StatedLimits, assumed: set[str]
) -> RobotConfig:
    described = {model.joint(j).name: _describe_joint(model, j, stated, assumed) for j in joints}
    free = [name for name in stated.unlimited if name in described]
    wheels = [model.joint(j).name for j in joints if j in velocity_servos(model)]
    notes = [f"assumed: {', '.join(sorted(assumed))}"]
    notes += [f"without limits, as the file has none: {', '.join(free)}"] if free else []
    notes += ["position servos instead of motors"] if torque_motors(model) else []
    notes += [f"by velocity or position: {', '.join(wheels)}"] if wheels else []
    stem = re.sub(r"[^a-z0-9_]+", "_", (title or path.stem).lower()).strip("_").lstrip("0123456789_")
    return RobotConfig(
        name=(stem or "robot")[:63],
        description=f"Described from {path.name}; {'; '.join(notes)}",
        mjcf=None if stated.is_urdf else path,
        urdf=path if stated.is_urdf else None,
        base_frame=model.body(1).name if model.nbody > 1 else "base_link",
        joints=described,
        home=_describe_home(model, joints, described),
        modes=("position", "velocity") if wheels else ("position",),
        cameras={
            model.camera(i).name: file_camera(model, i)
            for i in range(model.ncam)
            if model.camera(i).name and is_fixed(model, i)
        },
    )


@dataclass(frozen=True)
class _StatedLimits:
    """What a URDF says of its joints' limits and MuJoCo does not read; empty for an MJCF."""

    is_urdf: bool
    velocities: dict[str, float]
    soft: dict[str, tuple[float, float]]
    unlimited: list[str]

    @classmethod
    def of(cls, root: ElementTree.Element) -> _StatedLimits:
        if root.tag.lower() != "robot":
            return cls(False, {}, {}, [])
        return cls(True, velocity_limits(root), soft_limits(root), unlimited(root))


def _strip_surroundings(spec: mujoco.MjSpec) -> None:
    for light in list(spec.worldbody.lights):
        spec.delete(light)
    for geom in list(spec.worldbody.geoms):
        if int(geom.type) == int(mujoco.mjtGeom.mjGEOM_PLANE):
            spec.delete(geom)


def _scalar_joints(model: mujoco.MjModel) -> dict[str, int]:
    return {model.joint(j).name: j for j in range(model.njnt) if int(model.jnt_type[j]) in _SCALAR_JOINTS}


def _check_joints(config: RobotConfig, model: mujoco.MjModel, path: Path) -> None:
    known = _scalar_joints(model)
    missing = [name for name in config.joints if name not in known]
    if missing:
        raise ModelError(
            f"robot '{config.name}' names joints that '{path}' does not have: {', '.join(missing)}; "
            f"valid: {', '.join(known) or 'none'}"
        )
    for name, joint in config.joints.items():
        if not model.jnt_limited[known[name]]:
            continue
        lower, upper = (float(value) for value in model.jnt_range[known[name]])
        if joint.lower < lower - LIMIT_TOLERANCE or joint.upper > upper + LIMIT_TOLERANCE:
            raise ModelError(
                f"robot '{config.name}' lets joint '{name}' go from {joint.lower} to {joint.upper}, further than '{path}' does; "
                f"valid: {lower:.6g} to {upper:.6g}"
            )


def _check_cameras(config: RobotConfig, model: mujoco.MjModel, path: Path) -> None:
    known = [model.camera(i).name for i in range(model.ncam)]
    missing = [name for name in config.cameras if name not in known]
    if missing:
        raise ModelError(
            f"robot '{config.name}' names cameras that '{path}' does not have: {', '.join(missing)}; valid: {', '.join(known) or 'none'}"
        )


def _check_servos(config: RobotConfig, model: mujoco.MjModel, path: Path) -> list[int]:
    """Check that every joint can be commanded; return the velocity servos among the actuators that do it."""
    known, wheels = _scalar_joints(model), velocity_servos(model)
    for name, joint in config.joints.items():
        if known[name] in wheels:
            continue
        servo = require_servo(model, known[name], str(path))
        if not model.actuator_ctrllimited[servo.actuator]:
            continue
        ends = (model.actuator_ctrlrange[servo.actuator] - servo.offset) / servo.scale
        lower, upper = float(min(ends)), float(max(ends))
        if joint.lower < lower - LIMIT_TOLERANCE or joint.upper > upper + LIMIT_TOLERANCE:
            raise ModelError(
                f"robot '{config.name}' lets joint '{name}' go from {joint.lower} to {joint.upper}, further than the control range of "
                f"its actuator in '{path}'; valid: {lower:.6g} to {upper:.6g}"
            )
    return [wheels[known[name]] for name in config.joints if known[name] in wheels]


def _commanded_joints(model: mujoco.MjModel, path: Path) -> list[int]:
    scalar = sorted(_scalar_joints(model).values())
    require_known_actuators(model, str(path))
    others = other_actuators(model)
    servos = position_servos(model).keys() | velocity_servos(model).keys() | torque_motors(model).keys()
    for joint in [] if torque_motors(model) else scalar:
        if joint in (servos | others.keys()) - velocity_servos(model).keys():
            require_servo(model, joint, str(path))
    followers = {
        int(model.eq_obj1id[i]) for i in range(model.neq) if int(model.eq_type[i]) == int(mujoco.mjtEq.mjEQ_JOINT)
    }
    joints = [j for j in scalar if j in servos] if servos else [j for j in scalar if j not in followers]
    if not joints:
        raise ModelError(
            f"'{path}' has no hinge or slide joint that could be commanded; valid: a model with one, or world/load and spawn_entity, "
            "which take it for an object"
        )
    unnamed = [j for j in joints if not model.joint(j).name]
    if unnamed:
        raise ModelError(f"joint number {unnamed[0]} of '{path}' has no name; every commanded joint needs one")
    return joints


def _describe_joint(model: mujoco.MjModel, joint: int, stated: _StatedLimits, assumed: set[str]) -> JointConfig:
    name = model.joint(joint).name
    lower, upper = (float(v) for v in model.jnt_range[joint]) if model.jnt_limited[joint] else (-np.inf, np.inf)
    if name in stated.soft:
        lower, upper = max(lower, stated.soft[name][0]), min(upper, stated.soft[name][1])
    servo, wheel = position_servos(model).get(joint), velocity_servos(model).get(joint)
    motor = torque_motors(model).get(joint)
    velocity = stated.velocities.get(name)
    if wheel is not None and model.actuator_ctrllimited[wheel]:
        velocity = float(np.abs(model.actuator_ctrlrange[wheel] / model.actuator_gear[wheel, 0]).max())
    efforts = []
    if model.jnt_actfrclimited[joint]:
        efforts.append(float(np.abs(model.jnt_actfrcrange[joint]).max()))
    actuator = wheel if servo is None else servo.actuator
    if actuator is not None and model.actuator_forcelimited[actuator]:
        efforts.append(float(np.abs(model.actuator_forcerange[actuator]).max()))
    if motor is not None:
        efforts.append(motor_effort(model, motor))
    if servo is not None and model.actuator_ctrllimited[servo.actuator]:
        ends = (model.actuator_ctrlrange[servo.actuator] - servo.offset) / servo.scale
        lower, upper = max(lower, float(min(ends))), min(upper, float(max(ends)))
    efforts = [effort for effort in efforts if 0.0 < effort < np.inf]
    if not efforts:
        assumed.add("effort")
    if velocity is None:
        assumed.add("velocity")
    return JointConfig(
        lower=lower,
        upper=upper,
        velocity=ASSUMED_VELOCITY if velocity is None else velocity,
        acceleration=ASSUMED_ACCELERATION,
        effort=min(efforts, default=ASSUMED_EFFORT),
    )


def _describe_home(model: mujoco.MjModel, joints: list[int], described: dict[str, JointConfig]) -> dict[str, float]:
    names = [model.key(i).name for i in range(model.nkey)]
    qpos = model.key_qpos[names.index("home")] if "home" in names else model.qpos0
    home = {}
    for joint in joints:
        name = model.joint(joint).name
        home[name] = float(np.clip(qpos[model.jnt_qposadr[joint]], described[name].lower, described[name].upper))
    return home


def _box(config: RobotConfig, model: mujoco.MjModel) -> FloatArray:
    data = mujoco.MjData(model)
    corners = [np.zeros((1, 3))]
    for pose in (config.home, dict.fromkeys(config.joints, 0.0)):
        for name, position in pose.items():
            limits = config.joints[name]
            data.qpos[model.joint(name).qposadr] = min(max(position, limits.lower), limits.upper)
        mujoco.mj_kinematics(model, data)
        corners += [data.geom_xpos - model.geom_rbound[:, None], data.geom_xpos + model.geom_rbound[:, None]]
    points = np.concatenate(corners)
    return np.stack([points.min(axis=0), points.max(axis=0)])
