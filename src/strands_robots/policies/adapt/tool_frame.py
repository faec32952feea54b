"""Where a model thinks the robot's tool is: forward kinematics, and the way between its frames and the robot's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import AdapterError
from strands_robots.core.pose import Pose
from strands_robots.core.types import Observation
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.motion.arm import Arm
from strands_robots.policies.adapt.adapter_tool import ToolAdapter, ToolStateAdapter
from strands_robots.policies.adapt.rotations import read_rotation, write_rotation


class ToolFrame:
    """The robot's kinematics with a tool, in the model's frames.

    Args:
        adapter: What the model means.
        joint_names: The robot's joints.

    Attributes:
        arm: The kinematics.
        names: Its joints.

    Raises:
        AdapterError: If the robot lacks a joint of the kinematics.
        ModelError: If the kinematics cannot be read.
    """

    def __init__(self, adapter: ToolAdapter, joint_names: tuple[str, ...]) -> None:
        self.arm = Arm(with_tool(adapter.model, adapter.frame))
        self.names = self.arm.limits.names
        if any(name not in joint_names for name in self.names):
            raise AdapterError(
                f"tool.model '{adapter.model}' has joints [{', '.join(self.names)}], the robot [{', '.join(joint_names)}]"
            )
        self._base = Pose(np.array(adapter.base_position), read_rotation(np.array(adapter.base_rpy), "rpy"))
        self._tool = Pose(np.array(adapter.offset), np.array(adapter.rotation))

    def measured(self, observation: Observation) -> FloatArray:
        """Return the measured positions (D,) of the kinematics' joints."""
        return observation.position[[observation.joint_names.index(name) for name in self.names]]

    def pose(self, position: FloatArray) -> Pose:
        """Return where the model's tool is in the model's frame, for joint positions (D,)."""
        return self._base.at(self.arm.tool_pose(position)).at(self._tool)

    def for_arm(self, pose: Pose) -> Pose:
        """Return the pose of the robot's own tool frame in its base for a pose of the model's tool in the model's frame."""
        return self._base.inverse().at(pose).at(self._tool.inverse())


def tool_numbers(pose: Pose, entry: ToolStateAdapter) -> FloatArray:
    """Return the numbers of a state entry in the model's unit."""
    values = pose.position if entry.tool == "position" else write_rotation(pose.rotation, entry.tool)
    return np.asarray(values, dtype=np.float64) / entry.scale


def with_tool(reference: str, tool_frame: str) -> RobotConfig:
    """Return a robot's description with a tool frame: the one given, its own, or the last body of its longest chain.

    Args:
        reference: Name in config/robots, or a YAML, MJCF or URDF file.
        tool_frame: Body or site; empty for the robot's own.
    """
    if reference.endswith((".xml", ".urdf", ".mjcf")):
        from strands_robots.description.robot_model import describe_model

        config = describe_model(Path(reference).expanduser())
    else:
        config = load_robot(reference)
    if tool_frame:
        return config.model_copy(update={"tool_frame": tool_frame})
    return config if config.tool_frame else config.model_copy(update={"tool_frame": last_body(Arm(config))})


def last_body(arm: Arm) -> str:
    """Return the body that most joints move; of several the one farthest down, and of those the first."""
    model = arm.model
    best, name = (-1, -1), ""
    for body in range(1, model.nbody):
        joints = depth = 0
        at = body
        while at > 0:
            joints += int(model.body_jntnum[at])
            depth += 1
            at = int(model.body_parentid[at])
        if (joints, depth) > best and model.body(body).name:
            best, name = (joints, depth), model.body(body).name
    return name
