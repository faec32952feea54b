"""Whether another node on the graph is the robot that this node wants to be.

A robot speaks: it publishes gate_state and joint_states. Listeners of its command topics, as incident_node and bag recorders, are none.
"""

from __future__ import annotations

import time

from rclpy.node import Node
from strands_robots.msg import GateState

from strands_robots.ros.calls.drain import NeverCalled, take
from strands_robots.ros.messages import qos

DISCOVERY = 1.0
"""How long others are given to be seen [s, steady time]."""

SPOKEN = ("gate_state", "joint_states", "command_applied")
"""What a robot node publishes below the robot's name, and only that."""


def other_robot(node: Node, robot: str) -> str:
    """Return the name of another node that speaks as the robot; empty when none was seen in time.

    A node of this one's own name counts when it is heard: what is only announced may be the ghost of one that was killed.

    Args:
        node: The node, which does not serve the robot yet.
        robot: The robot's name.
    """
    topics = [node.resolve_topic_name(f"{robot}/{name}") for name in SPOKEN]
    gate = node.create_subscription(
        GateState, f"{robot}/gate_state", _nothing, qos.HEARTBEAT_READER, callback_group=NeverCalled(), raw=True
    )
    try:
        end = time.monotonic() + DISCOVERY
        while time.monotonic() < end:
            for topic in topics:
                for info in node.get_publishers_info_by_topic(topic):
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
