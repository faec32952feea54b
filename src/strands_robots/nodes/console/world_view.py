"""Follows world/markers and planning/scene_markers for pages that show robots in 3D; subscribes while one asks, and a little longer."""

from __future__ import annotations

import math
import time
from contextlib import closing
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from strands_robots.srv import DescribeWorld
from visualization_msgs.msg import Marker, MarkerArray

from strands_robots.clients.client import GraphClient
from strands_robots.console.world_scene import WorldScene, WorldShape
from strands_robots.core.errors import NoAnswerError, UnknownNameError
from strands_robots.ros.calls.drain import Drained

LINGER = 3.0
"""The topics are listened to for this long after a page has asked [s]."""

DESCRIBE_TIME = 5.0
_READER = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=50,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""Each message has only what moved: none may be missed between two looks."""

_NOTHING = WorldScene()
_KINDS = {
    Marker.CUBE: "box", Marker.SPHERE: "ellipsoid", Marker.CYLINDER: "cylinder", Marker.TRIANGLE_LIST: "triangles",
    Marker.CUBE_LIST: "cubes",
}  # fmt: skip


class WorldView:
    """The world's shapes, and what planners know beside them. `look` and `close` are for the thread that looks; the others for any.

    Args:
        beside: A node of this process.
    """

    def __init__(self, beside: Node) -> None:
        self._beside = beside
        self._scene = WorldScene()
        self._around: dict[str, WorldScene] = {}
        self._topics: list[Drained] = []
        self._asked_at = -math.inf

    def since(self, number: int) -> dict[str, Any]:
        """Return what has changed since an answer of this number, and be looking for some seconds."""
        self._asked_at = time.monotonic()
        return self._scene.since(number)

    def around(self, robot: str, number: int) -> dict[str, Any]:
        """Return the same of what planners know around a robot beside the simulated world, in its base frame."""
        self._asked_at = time.monotonic()
        return self._around.get(robot, _NOTHING).since(number)

    def base(self, robot: str) -> dict[str, Any]:
        """Return the pose of a robot's base in the world frame [m]; waits for the world.

        Raises:
            NoAnswerError: If there is no simulated world.
            UnknownNameError: If the robot is not in it.
        """
        name = f"{self._beside.get_name()}_world_{time.monotonic_ns()}"
        with closing(GraphClient(beside=self._beside, name=name)) as client:
            answer = client.call(DescribeWorld, "world/describe", DescribeWorld.Request(), DESCRIBE_TIME)
        if not answer.success:
            raise NoAnswerError(f"the world was not described: {answer.message}")
        if robot not in answer.robots:
            raise UnknownNameError("robot of the world", robot[:64], answer.robots)
        pose = answer.robot_poses[list(answer.robots).index(robot)]
        return {"xyz": _point(pose.position), "quaternion": _quaternion(pose.orientation)}

    def look(self, node: Node) -> None:
        """Take what has arrived, where a page asks."""
        if time.monotonic() - self._asked_at > LINGER:
            self.close()
            return
        if not self._topics:
            self._topics = [
                Drained(node, MarkerArray, "world/markers", profile=_READER),
                Drained(node, MarkerArray, "planning/scene_markers", profile=_READER),
            ]
        world, around = self._topics
        world.look(self._take)
        around.look(self._take_around)

    def close(self) -> None:
        """Listen no more."""
        for topic in self._topics:
            topic.close()
        if self._topics:
            self._topics = []
            self._clear()

    def _clear(self) -> None:
        self._scene.clear()
        self._clear_around()

    def _clear_around(self) -> None:
        for scene in self._around.values():
            scene.clear()

    def _take(self, message: MarkerArray) -> None:
        for marker in message.markers:
            if marker.action == Marker.DELETEALL:
                self._scene.clear()
            elif marker.type in _KINDS:
                self._scene.put(f"{marker.ns}/{marker.id}", _shape(marker))

    def _take_around(self, message: MarkerArray) -> None:
        for marker in message.markers:
            if marker.action == Marker.DELETEALL:
                self._clear_around()
            elif marker.type in _KINDS:
                robot = marker.ns
                scene = self._around.setdefault(robot, WorldScene())
                scene.put(str(marker.id), _shape(marker, marker.header.frame_id.removeprefix(f"{robot}/")))


def _shape(marker: Marker, link: str = "") -> WorldShape:
    scale, colour = marker.scale, marker.color
    return WorldShape(
        _KINDS[marker.type], (scale.x, scale.y, scale.z), _point(marker.pose.position), _quaternion(marker.pose.orientation),
        (colour.r, colour.g, colour.b, colour.a), [value for point in marker.points for value in (point.x, point.y, point.z)],
        link,
    )  # fmt: skip


def _point(message: Any) -> tuple[float, float, float]:
    return message.x, message.y, message.z


def _quaternion(message: Any) -> tuple[float, float, float, float]:
    return message.x, message.y, message.z, message.w
