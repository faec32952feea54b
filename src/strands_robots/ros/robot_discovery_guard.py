"""Whether somebody else on the graph is the robot that this node wants to be."""

from __future__ import annotations

import time

from rclpy.node import Node

DISCOVERY = 1.0
"""How long others are given to be seen [s, steady time]."""


def other_robot(node: Node, robot: str) -> str:
    """Return the name of another node that serves the robot's command topics; empty when none was seen in time."""
    topics = [node.resolve_topic_name(f"{robot}/{name}") for name in ("command", "action_chunk")]
    end = time.monotonic() + DISCOVERY
    while time.monotonic() < end:
        for topic in topics:
            for info in node.get_subscriptions_info_by_topic(topic):
                if (info.node_name, info.node_namespace) != (node.get_name(), node.get_namespace()):
                    return f"{info.node_namespace.rstrip('/')}/{info.node_name}"
        time.sleep(0.05)
    return ""
