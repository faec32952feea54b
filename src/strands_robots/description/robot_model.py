"""A robot's model file made ready to be attached to a world, and the description of a model that has none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ModelError
from strands_robots.description.base_contacts import name_bodies
from strands_robots.description.fused_visuals import fuse_visuals
from strands_robots.description.model_file import compile_model, open_model, urdf_velocity_limits
from strands_robots.description.robot_config import CameraConfig, JointConfig, RobotConfig
from strands_robots.description.servos import add_servos, other_actuators, position_servos, require_servo

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


def load_robot_model(config: RobotConfig, name: str) -> RobotModel:
    """Open a robot's model (MJCF before URDF) and check it against its configuration.

    Left out of the model: keyframes (home comes from the configuration), and planes and lights of its world body, which a world has.

    Args:
        config: The robot's description.
        name: The robot's name in the world, for messages.

    Raises:
        ModelError: If the file cannot be used, or does not have what the configuration names.
    """
    path = config.mjcf if config.mjcf is not None else config.urdf
    if path is None:
        raise ModelError(f"robot '{name}' has neither an MJCF nor a URDF file")
    role = f"robot '{name}'"
    spec = open_model(path, role)
    for key in list(spec.keys):
        spec.delete(key)
    _strip_surroundings(spec)
    name_bodies(spec)
    model = compile_model(spec, path, role)
    _check_joints(config, model, path)
    _check_cameras(config, model, path)
    if not position_servos(model) and not other_actuators(model):
        add_servos(spec, config.joints)
    else:
        _check_servos(config, model, path)
    box = _box(config, model)
    fuse_visuals(spec, model)
    return RobotModel(spec, path, box)


def describe_model(path: Path) -> RobotConfig:
    """Return the description of any MJCF or URDF arm: the joints with a position servo, or all joints of a model without actuators.

    Limits come from the file; what it does not say (velocity in MJCF, acceleration always) is assumed and named in `description`.

    Args:
        path: MJCF or URDF file.

    Raises:
        ModelError: If the file cannot be used, or a joint is moved by something else than a position servo.
    """
    path = Path(path).expanduser().absolute()
    role = "a robot to be described"
    spec = open_model(path, role)
    name_bodies(spec)
    model = compile_model(spec, path, role)
    joints = _commanded_joints(model, path)
    velocities = urdf_velocity_limits(path)
    assumed = {"acceleration"}
    described = {model.joint(j).name: _describe_joint(model, j, velocities, assumed) for j in joints}
    stem = re.sub(r"[^a-z0-9_]+", "_", (spec.modelname or path.stem).lower()).strip("_").lstrip("0123456789_")
    is_urdf = path.suffix == ".urdf" or bool(velocities)
    return RobotConfig(
        name=(stem or "robot")[:63],
        description=f"Described from {path.name}; assumed: {', '.join(sorted(assumed))}",
        mjcf=None if is_urdf else path,
        urdf=path if is_urdf else None,
        base_frame=model.body(1).name if model.nbody > 1 else "base_link",
        joints=described,
        home=_describe_home(model, joints, described),
        cameras={model.camera(i).name: CameraConfig() for i in range(model.ncam) if model.camera(i).name},
    )


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


def _check_servos(config: RobotConfig, model: mujoco.MjModel, path: Path) -> None:
    known = _scalar_joints(model)
    for name, joint in config.joints.items():
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


def _commanded_joints(model: mujoco.MjModel, path: Path) -> list[int]:
    scalar = sorted(_scalar_joints(model).values())
    others = other_actuators(model)
    servos = position_servos(model)
    for joint in scalar:
        if joint in others and joint not in servos:
            require_servo(model, joint, str(path))
    followers = {
        int(model.eq_obj1id[i]) for i in range(model.neq) if int(model.eq_type[i]) == int(mujoco.mjtEq.mjEQ_JOINT)
    }
    joints = [j for j in scalar if j in servos] if servos else [j for j in scalar if j not in followers]
    if not joints:
        raise ModelError(f"'{path}' has no hinge or slide joint that could be commanded")
    unnamed = [j for j in joints if not model.joint(j).name]
    if unnamed:
        raise ModelError(f"joint number {unnamed[0]} of '{path}' has no name; every commanded joint needs one")
    return joints


def _describe_joint(model: mujoco.MjModel, joint: int, velocities: dict[str, float], assumed: set[str]) -> JointConfig:
    name = model.joint(joint).name
    lower, upper = (float(v) for v in model.jnt_range[joint]) if model.jnt_limited[joint] else (-np.inf, np.inf)
    servo = position_servos(model).get(joint)
    efforts = []
    if model.jnt_actfrclimited[joint]:
        efforts.append(float(np.abs(model.jnt_actfrcrange[joint]).max()))
    if servo is not None:
        if model.actuator_forcelimited[servo.actuator]:
            efforts.append(float(np.abs(model.actuator_forcerange[servo.actuator]).max()))
        if model.actuator_ctrllimited[servo.actuator]:
            ends = (model.actuator_ctrlrange[servo.actuator] - servo.offset) / servo.scale
            lower, upper = max(lower, float(min(ends))), min(upper, float(max(ends)))
    if not efforts:
        assumed.add("effort")
    if name not in velocities:
        assumed.add("velocity")
    return JointConfig(
        lower=lower,
        upper=upper,
        velocity=velocities.get(name, ASSUMED_VELOCITY),
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
