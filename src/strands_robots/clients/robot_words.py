"""What a model is told of a robot besides its state: limits, reach, gripper, and the objects of a simulated world near it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from strands_robots.clients.spun_client import SpunClient
from strands_robots.core.errors import NoAnswerError
from strands_robots.core.pose import Pose, pose_from_quaternion
from strands_robots.ros.messages.geometry import quadruple, triple
from strands_robots.srv import DescribeRobot, DescribeWorld

TIMEOUT = 5.0
FIND_TIMEOUT = 0.3
"""A graph without motion_node, or without a simulated world, is no reason to wait [s]."""

MOST_NEAR = 20
MARGIN = 0.1
"""Objects are near when they are not farther than the reach and this [m]."""


class RobotWords:
    """Asks the graph, once for all robots.

    Args:
        client: The way to the graph.
    """

    def __init__(self, client: SpunClient) -> None:
        self._client = client
        self._world = self._ask(DescribeWorld, "world/describe", DescribeWorld.Request())

    def of(self, robot: str, joints: Mapping[str, float]) -> dict[str, Any]:
        """Return what is known of a robot whose joints are where they are measured; empty when no node answers."""
        request = DescribeRobot.Request(robot=robot, positions=list(joints.values()))
        found = self._ask(DescribeRobot, "robots/describe", request)
        if found is None:
            return {}
        words: dict[str, Any] = {
            "kind": found.kind,
            "description": found.description,
            "joint_limits": {
                name: {"lower": low, "upper": high, "unit": unit}
                for name, low, high, unit in zip(found.joint_names, found.lower, found.upper, found.units)
            },
            "modes": list(found.modes),
        }
        if found.tool_frame:
            words["tool"] = {
                "frame": found.tool_frame,
                "position_in_base_frame": triple(found.tool_pose.position),
                "orientation_xyzw": quadruple(found.tool_pose.orientation),
                "reach_from_base": found.reach,
                "lowest": triple(found.tool_lowest),
                "highest": triple(found.tool_highest),
                "unit": "m",
            }
        words["gripper"] = _gripper(found) or "none"
        return words | self._near(robot, found.reach)

    def _near(self, robot: str, reach: float) -> dict[str, Any]:
        """Return the objects near a robot's base, the nearest first."""
        world = self._world
        if world is None or robot not in world.robots:
            return {}
        place = world.robot_poses[list(world.robots).index(robot)]
        base = pose_from_quaternion(triple(place.position), quadruple(place.orientation))
        near = []
        for entry in world.object_states:
            turned = pose_from_quaternion(triple(entry.centre), (0.0, 0.0, 0.0, 1.0))
            position: Pose = base.inverse().at(turned)
            distance = float(math.sqrt((position.position**2).sum()))
            if distance <= reach + MARGIN:
                near.append(
                    {
                        "name": entry.name,
                        "position_in_base_frame": position.position.tolist(),
                        "size": triple(entry.own_size),
                        "distance": distance,
                        "within_reach": distance <= reach,
                    }
                )
        return {"objects_near": sorted(near, key=lambda thing: thing["distance"])[:MOST_NEAR]}

    def _ask(self, kind: Any, name: str, request: Any) -> Any:
        """Return an answer that says success; None when there is none."""
        try:
            answer = self._client.call(kind, name, request, TIMEOUT, FIND_TIMEOUT)
        except NoAnswerError:
            return None
        return answer if answer.success else None


def _gripper(found: DescribeRobot.Response) -> dict[str, Any]:
    if not found.gripper_joints:
        return {}
    words: dict[str, Any] = {
        "joints": list(found.gripper_joints),
        "open_at": found.gripper_open,
        "closed_at": found.gripper_closed,
    }
    return words | ({"holds_objects_up_to_m": found.gripper_opening} if found.gripper_opening else {})
