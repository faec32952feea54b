"""The chain of joints from a simulated robot's base to its tool, read from the compiled model."""

from __future__ import annotations

import mujoco
import numpy as np

from strands_robots.control.tool_chain import ChainJoint, ToolChain
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ModelError
from strands_robots.description.robot_config import RobotConfig

_HINGE, _SLIDE = int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE)


def read_tool_chain(model: mujoco.MjModel, prefix: str, config: RobotConfig) -> ToolChain:
    """Return the kinematics of a robot's tool frame in its base frame.

    Args:
        model: A compiled model that the robot is in.
        prefix: What its names begin with there.
        config: Names of its base frame, tool frame and joints.

    Raises:
        ModelError: If a frame is missing, the tool does not hang on the base, or a joint between them is not commanded.
    """
    base = _body(model, prefix + config.base_frame, f"base_frame of robot '{config.name}'")
    site = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, prefix + config.tool_frame)
    if site >= 0:
        body, tool = int(model.site_bodyid[site]), model.site_pos[site].copy()
    else:
        body, tool = _body(model, prefix + config.tool_frame, f"tool_frame of robot '{config.name}'"), np.zeros(3)
    path = []
    while body not in (base, 0):
        path.append(body)
        body = int(model.body_parentid[body])
    if body != base:
        raise ModelError(
            f"tool_frame '{config.tool_frame}' of robot '{config.name}' does not hang on its base_frame '{config.base_frame}'; "
            "valid: frames of one branch"
        )
    columns = {model.joint(prefix + name).id: column for column, name in enumerate(config.joints)}
    joints = [joint for number in reversed(path) for joint in _joints_of(model, number, columns, config.name)]
    return ToolChain(joints, tool, len(config.joints))


def _joints_of(model: mujoco.MjModel, body: int, columns: dict[int, int], robot: str) -> list[ChainJoint]:
    """Return the steps of the chain that one body makes: its place on its parent, and its joints about their anchors."""
    no_axis = np.array([0.0, 0.0, 1.0])
    steps = [ChainJoint(None, _rotation(model.body_quat[body]), model.body_pos[body].copy(), no_axis)]
    first = int(model.body_jntadr[body])
    for joint in range(first, first + int(model.body_jntnum[body])):
        if joint not in columns or int(model.jnt_type[joint]) not in (_HINGE, _SLIDE):
            name = model.joint(joint).name or f"number {joint}"
            raise ModelError(
                f"joint '{name}' of robot '{robot}' moves its tool, but is not commanded; valid for a workspace: commanded joints only"
            )
        anchor, axis = model.jnt_pos[joint].copy(), model.jnt_axis[joint].copy()
        reference = float(model.qpos0[model.jnt_qposadr[joint]])
        is_slide = int(model.jnt_type[joint]) == _SLIDE
        # Position 0 of a joint is at -reference from the pose of the file.
        if is_slide:
            steps.append(ChainJoint(columns[joint], np.eye(3), -reference * axis, axis, True))
        else:
            steps.append(ChainJoint(columns[joint], _turn(axis, -reference), anchor, axis))
            steps.append(ChainJoint(None, np.eye(3), -anchor, no_axis))
    return steps


def _body(model: mujoco.MjModel, name: str, role: str) -> int:
    number = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name))
    if number < 0:
        raise ModelError(f"'{name}', {role}, is no frame of the model")
    return number


def _rotation(quaternion: FloatArray) -> FloatArray:
    flat = np.zeros(9)
    mujoco.mju_quat2Mat(flat, quaternion)
    return flat.reshape(3, 3)


def _turn(axis: FloatArray, angle: float) -> FloatArray:
    quaternion = np.zeros(4)
    mujoco.mju_axisAngle2Quat(quaternion, axis, angle)
    return _rotation(quaternion)
