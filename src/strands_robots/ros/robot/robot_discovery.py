"""Finds the robots of a graph: every topic `<name>/gate_state` in the graph's namespace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

from strands_robots.core.text import printable
from strands_robots.msg import GateState
from strands_robots.ros.messages import qos

PERIOD = 0.25
"""Time between two looks at the graph [s, steady time]."""

_TYPE = "strands_robots/msg/GateState"
_TOPIC = "gate_state"


def robots_on_graph(node: Node) -> list[str]:
    """Return the names of the robots of the node's graph that publish a gate_state.

    A robot is a topic one level below the node's namespace. Deeper ones belong to other graphs.
    """
    prefix, suffix = node.get_namespace().rstrip("/") + "/", "/" + _TOPIC
    names = [
        topic[len(prefix) : -len(suffix)]
        for topic, types in node.get_topic_names_and_types()
        if _TYPE in types
        and topic.startswith(prefix)
        and topic.endswith(suffix)
        and len(topic) > len(prefix) + len(suffix)
    ]
    return sorted(name for name in names if "/" not in name and node.count_publishers(f"{prefix}{name}{suffix}") > 0)


def await_robots(
    node: Node, wanted: str, wait: float, first_wait: float, has_ended: Callable[[], bool] = lambda: False
) -> list[str]:
    """Return the names of the robots on the graph, once the wanted one is there or its time is over. Not for the executor's thread.

    Args:
        node: The node; its namespace is the graph's.
        wanted: Name of a robot; empty for any.
        wait: How long it may take to be found [s, steady time].
        first_wait: The same while no robot at all is found: this node may have joined just now.
        has_ended: Whether waiting is of no use any more.
    """
    started = time.monotonic()
    while True:
        robots = robots_on_graph(node)
        is_there = wanted in robots if wanted else bool(robots)
        if is_there or has_ended() or time.monotonic() - started > (wait if robots else first_wait):
            return robots
        time.sleep(0.05)


def cameras_on_graph(node: Node, robot: str) -> dict[str, tuple[int, int]]:
    """Return the cameras that publish pictures of a robot, `<robot>/<camera>/image_raw`; their sizes are not known: (0, 0)."""
    prefix, suffix = f"{node.get_namespace().rstrip('/')}/{robot}/", "/image_raw"
    names = [
        topic[len(prefix) : -len(suffix)]
        for topic, types in node.get_topic_names_and_types()
        if "sensor_msgs/msg/Image" in types and topic.startswith(prefix) and topic.endswith(suffix)
    ]
    return {name: (0, 0) for name in sorted(names) if name and "/" not in name}


def cameras_for_policy(node: Node, robot: str) -> dict[str, tuple[int, int]]:
    """Return the cameras that a policy of a robot may be given: the robot's own, and with a slash before it, "/top", the world's."""
    prefix, suffix = node.get_namespace().rstrip("/") + "/", "/image_raw"
    names = [
        topic[len(prefix) : -len(suffix)]
        for topic, types in node.get_topic_names_and_types()
        if "sensor_msgs/msg/Image" in types and topic.startswith(prefix) and topic.endswith(suffix)
    ]
    world = {f"/{name}": (0, 0) for name in sorted(names) if name and "/" not in name}
    return {**cameras_on_graph(node, robot), **world}


def camera_path(robot: str, camera: str) -> str:
    """Return where a policy's camera is in the graph's namespace: "so101/wrist", or "top" for "/top"."""
    return camera[1:] if camera.startswith("/") else f"{robot}/{camera}"


class RobotDiscovery:
    """Subscribes to the gate_state of every robot of the graph, also of those that join later.

    Args:
        node: The node; its namespace is the graph's.
        robots: Names of robots to listen to from the start.
        on_state: Takes each message. One whose name is not its topic's is dropped with a warning.
        period: Time between two looks at the graph [s, steady time].
        subscribe: Makes a subscription of a message type, a topic, a callback and a profile; the node's own by default.
    """

    def __init__(
        self, node: Node, robots: Iterable[str], on_state: Callable[[GateState], None], period: float = PERIOD,
        subscribe: Callable[[type, str, Callable[[GateState], None], QoSProfile], object] | None = None,
    ) -> None:  # fmt: skip
        self._node = node
        self._on_state = on_state
        self._subscribe = subscribe or node.create_subscription
        self._known: set[str] = set()
        for robot in robots:
            self._listen(robot)
        node.create_timer(period, self.look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def look(self) -> list[str]:
        """Listen to robots that are new, and return those that are there now; by the thread that spins the node."""
        robots = robots_on_graph(self._node)
        for robot in robots:
            self._listen(robot)
        return robots

    def _listen(self, robot: str) -> None:
        if robot in self._known:
            return
        self._known.add(robot)
        self._node.get_logger().info(f"listening to robot '{robot}'")

        def take(message: GateState) -> None:
            self._on_message(robot, message)

        self._subscribe(GateState, f"{robot}/{_TOPIC}", take, qos.HEARTBEAT_READER)

    def _on_message(self, robot: str, message: GateState) -> None:
        if message.robot == robot:
            self._on_state(message)
        else:
            self._node.get_logger().warning(
                f"{robot}/{_TOPIC} says it is of robot '{printable(message.robot)}'; dropped; valid: '{robot}'",
                throttle_duration_sec=1.0,
            )
