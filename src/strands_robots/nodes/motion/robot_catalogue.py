"""The service robots/describe: what a robot is and can do, for those who are to use it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from strands_robots.srv import DescribeRobot

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.pose import quaternion_of
from strands_robots.core.text import printable
from strands_robots.motion.arm import Arm
from strands_robots.motion.capability import Workspace, find_workspace, joint_units
from strands_robots.motion.task import RobotKinematics
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.geometry import to_point, to_pose


class RobotCatalogue:
    """Serves robots/describe.

    Args:
        node: The node; its namespace is the graph's.
        find: Returns a robot by its name; raises UnknownNameError with the valid ones.
        robots: The robots that are known, by name.
    """

    def __init__(
        self, node: Node, find: Callable[[str], Awaitable[RobotKinematics]], robots: Mapping[str, RobotKinematics]
    ) -> None:
        self._find = find
        self._robots = robots
        self._known: dict[int, _Known] = {}
        # A group of its own: while an answer waits for the world, the node's other callbacks go on, also the world's answer.
        group = ReentrantCallbackGroup()
        node.create_service(DescribeRobot, "robots/describe", self._on_request, callback_group=group)

    async def _on_request(
        self, request: DescribeRobot.Request, response: DescribeRobot.Response
    ) -> DescribeRobot.Response:
        try:
            robot = await self._find(request.robot or self._only())
            positions = _checked(request.positions, robot)
        except StrandsRobotsError as error:
            response.message = clip(str(error), 4096)
            return response
        self._fill(response, robot, positions)
        return response

    def _only(self) -> str:
        if len(self._robots) != 1:
            raise ConfigurationError(
                f"robot is empty, and there are {len(self._robots)}; valid: {', '.join(self._robots)}"
            )
        return next(iter(self._robots))

    def _fill(self, response: DescribeRobot.Response, robot: RobotKinematics, positions: FloatArray) -> None:
        config, limits = robot.config, robot.limits
        response.success = True
        response.robot, response.kind, response.description = robot.name, config.name, printable(config.description)
        response.joint_names, response.units = list(limits.names), joint_units(robot.arm)
        response.lower, response.upper = limits.lower.tolist(), limits.upper.tolist()
        response.velocity = limits.velocity.tolist()
        response.home = [config.home.get(name, math.nan) for name in limits.names]
        response.modes = list(config.modes)
        response.base_frame, response.tool_frame = config.base_frame, config.tool_frame
        known = self._known_of(robot)
        if known.workspace is not None:
            response.reach = known.workspace.reach
            response.tool_lowest, response.tool_highest = (
                to_point(known.workspace.lowest),
                to_point(known.workspace.highest),
            )
            tool = known.arm.tool_pose(positions)
            response.tool_pose = to_pose(tool.position, quaternion_of(tool.rotation))
        gripper = config.gripper
        if gripper is not None:
            response.gripper_joints = list(gripper.joints)
            response.gripper_open, response.gripper_closed = gripper.open, gripper.closed
            response.gripper_opening = gripper.opening or 0.0

    def _known_of(self, robot: RobotKinematics) -> _Known:
        key = id(robot)
        if key not in self._known:
            # An arm of its own: the robot's belongs to the thread of its goal.
            arm = Arm(robot.config, robot.name, avoid_ground=False)
            self._known[key] = _Known(robot, arm, find_workspace(arm))
        return self._known[key]


@dataclass(frozen=True)
class _Known:
    """What was found out about a robot once."""

    robot: RobotKinematics
    arm: Arm
    workspace: Workspace | None


def _checked(positions: Sequence[float], robot: RobotKinematics) -> FloatArray:
    """Return joint positions (D,), home for none."""
    names = robot.limits.names
    if not positions:
        return np.array([robot.config.home.get(name, 0.0) for name in names])
    if len(positions) != len(names) or not np.isfinite(positions).all():
        raise ConfigurationError(
            f"positions has {len(positions)} numbers; valid: {len(names)} finite ones, for {', '.join(names)}"
        )
    return np.array(positions, dtype=np.float64)
