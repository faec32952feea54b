"""Whether a request can succeed at all, looked at before a person is asked: the robot is there, may move, and has the joints."""

from __future__ import annotations

import math
from typing import Any

from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from strands_robots.clients.client import NoAnswerError
from strands_robots.clients.spun_client import SpunClient
from strands_robots.core.errors import MotionError, StrandsRobotsError, UnknownNameError
from strands_robots.description.urdf_limits import limits_from_urdf
from strands_robots.msg import GateState
from strands_robots.ros.messages import qos
from strands_robots.ros.robot.robot_discovery import await_robots

WAIT = 2.0
"""Longest wait for a message of a robot that is there [s]."""

_OURS = "strands_robots/"
_TARGET_JOINTS = 0
_TOLERANCE = 1e-6


class GoalCheck:
    """Looks at requests of this package. What it cannot see is left to the server, which looks again.

    Args:
        client: The way to the graph.
    """

    def __init__(self, client: SpunClient) -> None:
        self._client = client

    def check(self, kind: str, request: Any) -> None:
        """Return when nothing is known that speaks against a request.

        Args:
            kind: Its full type.
            request: The request or goal as a message.

        Raises:
            UnknownNameError: If it names a robot or a joint that is not there.
            MotionError: If the robot is stopped, or a position is outside of its limits.
        """
        named = request.get_fields_and_field_types() if kind.startswith(_OURS) else {}
        robots = [request.robot] if "robot" in named else list(request.robots) if "robots" in named else []
        for robot in robots:
            known = await_robots(self._client.node, robot, WAIT, WAIT)
            if robot not in known:
                raise UnknownNameError("robot", robot, known)
        if "robot" not in named or kind.split("/")[1] != "action":
            return
        self._check_armed(request.robot)
        if "joint_names" in named and "positions" in named and getattr(request, "target", 0) == _TARGET_JOINTS:
            self._check_joints(request.robot, list(request.joint_names), [float(value) for value in request.positions])
        if getattr(request, "speed_scale", 0.0) != 0.0 and not 0.0 < request.speed_scale <= 1.0:
            raise MotionError(
                "invalid_goal", f"speed_scale is {request.speed_scale:g}; valid: above 0 and up to 1, or 0"
            )

    def _check_armed(self, robot: str) -> None:
        gate = self._heard(GateState, f"{robot}/gate_state", qos.HEARTBEAT_READER)
        if gate is not None and gate.latched:
            raise MotionError(
                "stopped",
                f"robot '{robot}' is stopped: {gate.latch_reason or 'no reason is given'}; no person was asked. "
                "valid: a robot that is armed; only a person resumes",
            )

    def _check_joints(self, robot: str, names: list[str], positions: list[float]) -> None:
        if not names or len(names) != len(positions) or len(set(names)) != len(names):
            raise MotionError(
                "invalid_goal",
                f"{len(names)} joint names and {len(positions)} positions given; valid: at least one name, each once, "
                "and as many positions",
            )
        state = self._heard(JointState, f"{robot}/joint_states", qos.HEARTBEAT_READER)
        for name in names if state is not None else ():
            if name not in state.name:
                raise UnknownNameError("joint", name, list(state.name))
        ranges = self._ranges(robot)
        for name, position in zip(names, positions):
            low, high = ranges.get(name, (-math.inf, math.inf))
            if not low - _TOLERANCE <= position <= high + _TOLERANCE:
                raise MotionError(
                    "invalid_goal", f"position of '{name}' is {position:.6g}; valid: {low:.6g} to {high:.6g}"
                )

    def _ranges(self, robot: str) -> dict[str, tuple[float, float]]:
        """Return the limits of each joint as the robot's description has them; none where it has no description."""
        description = self._heard(String, f"{robot}/robot_description", qos.DESCRIPTION)
        if description is None:
            return {}
        try:
            limits = limits_from_urdf(description.data)
        except StrandsRobotsError:
            return {}
        return dict(zip(limits.names, zip(limits.lower.tolist(), limits.upper.tolist())))

    def _heard(self, kind: Any, topic: str, profile: QoSProfile) -> Any:
        if not self._client.node.count_publishers(self._client.node.resolve_topic_name(topic)):
            return None
        try:
            return self._client.latest(kind, topic, profile, WAIT)
        except NoAnswerError:
            return None
