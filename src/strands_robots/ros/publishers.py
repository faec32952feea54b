"""Publishers for nodes whose executor must be quick."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

try:
    from rclpy.event_handler import PublisherEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks


def create_publisher(node: Node, kind: Any, topic: str, profile: QoSProfile) -> Publisher:
    """Return a publisher that handles no QoS events.

    The executor waits for every event of every publisher; without them a callback of sim_node costs half the time. Of
    an incompatible quality of service the reader's own node warns.

    Args:
        node: The node.
        kind: Message type.
        topic: Name of the topic.
        profile: Quality of service.
    """
    events = PublisherEventCallbacks(use_default_callbacks=False)
    return node.create_publisher(kind, topic, profile, event_callbacks=events)
