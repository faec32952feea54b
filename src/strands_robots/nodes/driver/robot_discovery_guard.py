"""Whether somebody else on the graph is the robot that this node wants to be."""

from __future__ import annotations

import time

from rclpy.node import Node
from strands_robots.msg import GateState

from strands_robots.ros.calls.drain import NeverCalled, take
from strands_robots.ros.messages import qos

DISCOVERY = 1.0
"""How long others are given to be seen [s, steady time]."""


def other_robot(node: Node, robot: str) -> str:
    """Return the name of another node that serves the robot's command topics; empty when none was seen in time.

    A node of this one's own name counts when it speaks: what is only announced may be the ghost of one that was killed.

    Args:
        node: The node, which does not serve the robot yet.
        robot: The robot's name.
    """
    topics = [node.resolve_topic_name(f"{robot}/{name}") for name in ("command", "action_chunk")]
    gate = node.create_subscription(
        GateState, f"{robot}/gate_state", _nothing, qos.HEARTBEAT_READER, callback_group=NeverCalled(), raw=True
    )
    try:
        end = time.monotonic() + DISCOVERY
        while time.monotonic() < end:
            for topic in topics:
                for info in node.get_subscriptions_info_by_topic(topic):
                    if (info.node_name, info.node_namespace) != (node.get_name(), node.get_namespace()):
                        return f"{info.node_namespace.rstrip('/')}/{info.node_name}"
            if any(True for _ in take(gate, GateState)):
                return f"another {node.get_name()}"
            time.sleep(0.05)
        return ""
    finally:
        node.destroy_subscription(gate)


def _nothing(message: bytes) -> None:
    """Stand where a callback is wanted: messages are taken while the executor waits."""
